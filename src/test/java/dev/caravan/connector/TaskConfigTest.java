// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("unit")
class TaskConfigTest {
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 7, 10, 333, 1024})
  void tasksTogetherHaveTheRateOfTheirConnector(int tasks) {
    for (int rate : List.of(1, 2, 10, 1000, 99_999, 5_000_000)) {
      double together =
          TaskConfig.of(connector(rate, tasks)).stream()
              .mapToDouble(task -> task.drainRate().documentsPerSecond())
              .sum();
      assertThat(together).isCloseTo(rate, within(rate * 0.01)).isLessThanOrEqualTo(rate * 1.00001);
    }
  }

  @Test
  void withoutARateTasksHaveNone() {
    assertThat(TaskConfig.of(connector(0, 3))).allMatch(task -> task.drainRate().unlimited());
  }

  @Test
  void aTransactionIsCommittedBeforeALongWaitInTheThrottle() {
    Duration usual = Duration.ofSeconds(1);
    assertThat(TaskConfig.of(connector(0, 8)).get(0).transactionInterval()).isEqualTo(usual);
    assertThat(TaskConfig.of(connector(100, 8)).get(0).transactionInterval()).isEqualTo(usual);
    assertThat(TaskConfig.of(connector(1, 8)).get(0).transactionInterval()).isZero();
  }

  @Test
  void aTransactionTimesOutAfterItsIntervalAndAWaitInTheThrottleAndTenSeconds() {
    assertThat(TaskConfig.of(connector(0, 1)).get(0).transactionTimeout()).hasSeconds(15);
    TaskConfig longest =
        TaskConfig.of(connector(1, 1, Map.of("transaction.boundary.interval.ms", "10000"))).get(0);
    long wait = longest.drainRate().periodMillis();
    assertThat(longest.transactionTimeout())
        .isGreaterThanOrEqualTo(Duration.ofMillis(20_000 + wait));
    assertThat(TaskConfig.of(connector(1, 1024)).get(0).transactionTimeout())
        .as("each change has a transaction of its own, which begins after the wait")
        .hasSeconds(15);
  }

  private static ConnectorConfig connector(int rate, int tasks) {
    return connector(rate, tasks, Map.of());
  }

  private static ConnectorConfig connector(int rate, int tasks, Map<String, String> options) {
    Map<String, String> properties = new LinkedHashMap<>();
    properties.put("name", "golden");
    properties.put("connector.class", "dev.caravan.CouchbaseSourceConnector");
    properties.put("couchbase.nodes", "localhost");
    properties.put("couchbase.bucket", "travel");
    properties.put("tasks.max", Integer.toString(tasks));
    properties.put("dcp.maximum.drainrate", Integer.toString(rate));
    properties.putAll(options);
    return ConnectorConfig.parse(properties);
  }
}
