// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("unit")
class SeedNodesTest {

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "localhost | couchbase://localhost",
        "10.0.0.1:11210 | couchbase://10.0.0.1:11210",
        "a,b:1234 | couchbase://a,b:1234",
        "a;b ; c.example.com:1 | couchbase://a,b,c.example.com:1",
        "couchbase://a,b | couchbase://a,b",
        "COUCHBASES://a:11207 | couchbases://a:11207",
        "couchbase://[::1]:11210 | couchbase://[::1]:11210",
        "a, | couchbase://a",
        "my_db-1.example.com. | couchbase://my_db-1.example.com."
      })
  void theUsualFormsAreUnderstood(String text, String expected) {
    assertThat(SeedNodes.parse(text)).hasToString(expected);
  }

  @Test
  void onlyTheSecureSchemeMeansTls() {
    assertThat(SeedNodes.parse("couchbases://a").tls()).isTrue();
    assertThat(SeedNodes.parse("couchbase://a").tls()).isFalse();
    assertThat(SeedNodes.parse("a").tls()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "  ",
        "couchbase://",
        ",;",
        "http://a:8091",
        "a:0",
        "a:65536",
        "a:port",
        "a/path",
        "a?network=external",
        "a b",
        "db-",
        "-db",
        "db-.example.com",
        "a..b"
      })
  void anythingElseIsRefusedWithTheValueAndTheForms(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SeedNodes.parse(text))
        .withMessageContaining("connectionString '" + text + "'")
        .withMessageContaining("couchbase://host1,host2:11210");
  }

  @ParameterizedTest
  @ValueSource(strings = {"couchbase://me:hush@host", "me:hush@host", "http://me:hush@host"})
  void aPasswordInItIsNotRepeated(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SeedNodes.parse(text))
        .withMessageNotContaining("hush");
  }
}
