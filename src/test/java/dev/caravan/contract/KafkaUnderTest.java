// SPDX-License-Identifier: Apache-2.0
package dev.caravan.contract;

import dev.caravan.sandbox.kafka.KafkaBroker;
import java.io.IOException;
import java.util.Map;
import org.testcontainers.kafka.KafkaContainer;

/**
 * A Kafka broker with the default limits. It creates topics automatically and applies quotas within
 * two seconds.
 */
record KafkaUnderTest(String bootstrapServers, Runnable stop) implements AutoCloseable {
  private static final String IMAGE = "apache/kafka:3.9.1";
  private static final String QUOTA_WINDOWS = "2";

  static KafkaUnderTest embedded() throws IOException {
    KafkaBroker broker =
        KafkaBroker.start("127.0.0.1", 0, Map.of("quota.window.num", QUOTA_WINDOWS));
    return new KafkaUnderTest(broker.bootstrapServers(), broker::close);
  }

  static KafkaUnderTest container() {
    KafkaContainer container =
        new KafkaContainer(IMAGE).withEnv("KAFKA_QUOTA_WINDOW_NUM", QUOTA_WINDOWS);
    container.start();
    return new KafkaUnderTest(container.getBootstrapServers(), container::stop);
  }

  @Override
  public void close() {
    stop.run();
  }
}
