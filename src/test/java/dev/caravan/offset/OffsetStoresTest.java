// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Offset stores that are named by URI. */
@Tag("unit")
class OffsetStoresTest {
  private static final Offset OFFSET = new Offset(-7, 20, 10, 30, 5);

  private final OffsetStores stores = new OffsetStores();

  @AfterEach
  void close() {
    stores.close();
  }

  @Test
  void aFileIsFreeOnceTheStoresAreClosedAndOpensAgainWhenUsed(@TempDir Path directory) {
    SharedOffsetStore store = stores.get("file:" + directory.resolve("offsets.json"));
    store.of("a").save("travel", Map.of(0, OFFSET)).toCompletableFuture().join();
    stores.close();

    OffsetStores others = new OffsetStores();
    SharedOffsetStore other = others.get("file://" + directory.resolve("offsets.json"));
    assertThat(other.of("a").load("travel", List.of(0))).isEqualTo(Map.of(0, OFFSET));
    others.close();

    assertThat(store.of("a").load("travel", List.of(0))).isEqualTo(Map.of(0, OFFSET));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "offsets.json | 'offsets.json' is no offset store. Use file:<path>",
        "redis:x?password=hush | 'redis:x' is no offset store",
        "file: | 'file:' has no path",
        "kafka:?brokers=b:1 | 'kafka:' has no topic",
        "kafka:t | 'kafka:t' has no brokers",
        "kafka:t?brokers= | 'kafka:t' has no brokers",
        "kafka:t?brokers=b:1&hush | 'kafka:t': a parameter is not of the form key=value",
        "kafka:t?brokers=b:1&client.id=hush%zz | not percent-encoded",
        "kafka:t?brokers=b:1&properties=/no/such | properties '/no/such' can't be read"
      })
  void anInvalidUriIsRefusedWithTheRemedy(String uri, String words) {
    assertThatThrownBy(() -> stores.get(uri))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(words)
        .hasMessageNotContaining("hush");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "sasl.jaas.config",
        "ssl.keystore.password",
        "ssl.key.password",
        "ssl.keystore.key",
        "sasl.oauthbearer.client.secret"
      })
  void aSecretIsRefusedInTheUriButNotAReferenceToOne(String key) {
    assertThatThrownBy(() -> stores.get("kafka:t?brokers=b:1&" + key + "=hush"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'kafka:t': " + key + " must not be in the URI")
        .hasMessageNotContaining("hush");

    assertThat(stores.get("kafka:t?brokers=b:1&" + key + "=${file:/etc/kafka:key}"))
        .isInstanceOf(KafkaTopicOffsetStore.class);
  }

  @Test
  void settingsOfAFileCountWhereTheUriHasNone(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("client.properties");
    Files.writeString(file, "bootstrap.servers=b:1\nsecurity.protocol=SSL\n");

    assertThat(stores.get("kafka:t?properties=" + file))
        .isSameAs(stores.get("kafka:t?brokers=b:1&security.protocol=SSL"));
    assertThat(stores.get("kafka:t?brokers=c:2&properties=" + file))
        .isSameAs(stores.get("kafka:t?brokers=c%3A2&security.protocol=SSL"));
  }

  @Test
  void withoutKafkasClientOnlyKafkaStoresFailAndNameIt() throws Exception {
    URL classes = OffsetStores.class.getProtectionDomain().getCodeSource().getLocation();
    try (URLClassLoader thinJar =
        new URLClassLoader(new URL[] {classes}, OffsetStoresTest.class.getClassLoader()) {
          @Override
          protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (name.startsWith("org.apache.kafka.")) {
              throw new ClassNotFoundException(name);
            }
            synchronized (getClassLoadingLock(name)) {
              Class<?> loaded = findLoadedClass(name);
              if (loaded != null) {
                return loaded;
              }
              return name.startsWith("dev.caravan.offset.")
                  ? findClass(name)
                  : super.loadClass(name, resolve);
            }
          }
        }) {
      Class<?> type = thinJar.loadClass(OffsetStores.class.getName());
      Object without = type.getConstructor().newInstance();

      assertThat(type.getMethod("get", String.class).invoke(without, "memory:")).isNotNull();
      assertThatThrownBy(
              () -> type.getMethod("get", String.class).invoke(without, "kafka:t?brokers=b:1"))
          .hasRootCauseInstanceOf(ClassNotFoundException.class)
          .cause()
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("'kafka:t' needs Kafka's client")
          .hasMessageContaining("Add org.apache.kafka:kafka-clients");
    }
  }
}
