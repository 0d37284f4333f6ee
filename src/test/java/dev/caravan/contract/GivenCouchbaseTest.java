// SPDX-License-Identifier: Apache-2.0
package dev.caravan.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.caravan.contract.CouchbaseUnderTest.Credentials;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("unit")
class GivenCouchbaseTest {
  @Test
  void aNodeIsGivenAsAUri() {
    assertThat(GivenCouchbase.parse("couchbase://me:p%40ss%3Aw+rd@10.1.2.3:12000/travel"))
        .isEqualTo(
            new GivenCouchbase("10.1.2.3", 12000, new Credentials("me", "p@ss:w+rd"), "travel"));
    assertThat(GivenCouchbase.parse("couchbase://me:secret@db/travel").port()).isEqualTo(11210);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "localhost",
        "couchbase://localhost/travel",
        "couchbase://me:secret@localhost",
        "couchbases://me:secret@localhost/travel",
        "couchbase://me:secret@local host/travel",
        "couchbase://me@localhost/travel"
      })
  void anythingElseIsRefusedWithoutRepeatingThePassword(String value) {
    assertThatThrownBy(() -> GivenCouchbase.parse(value))
        .isInstanceOf(IllegalArgumentException.class)
        .hasNoCause()
        .hasMessageContaining("couchbase://user:password@host:port/bucket")
        .hasMessageNotContaining("secret");
  }
}
