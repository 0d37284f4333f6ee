// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TaskConfigTest {
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 7, 10, 333, 1024})
  void tasksTogetherHaveTheRateOfTheirConnector(int tasks) {
    for (int rate : List.of(1, 2, 10, 1000, 99_999, 5_000_000)) {
      double together =
          connector(rate, tasks).tasks().stream()
              .mapToDouble(task -> task.drainRate().documentsPerSecond())
              .sum();
      assertThat(together).isCloseTo(rate, within(rate * 0.01)).isLessThanOrEqualTo(rate * 1.00001);
    }
  }

  @Test
  void withoutARateTasksHaveNone() {
    assertThat(connector(0, 3).tasks()).allMatch(task -> task.drainRate().unlimited());
  }

  @Test
  void aTransactionIsCommittedBeforeALongWaitInTheThrottle() {
    Duration usual = Duration.ofSeconds(1);
    assertThat(connector(0, 8).tasks().get(0).transactionInterval()).isEqualTo(usual);
    assertThat(connector(100, 8).tasks().get(0).transactionInterval()).isEqualTo(usual);
    assertThat(connector(1, 8).tasks().get(0).transactionInterval()).isZero();
  }

  private static ConnectorConfig connector(int rate, int tasks) {
    Map<String, String> properties = new LinkedHashMap<>();
    properties.put("name", "golden");
    properties.put("connector.class", "dev.caravan.CouchbaseSourceConnector");
    properties.put("couchbase.nodes", "localhost");
    properties.put("couchbase.bucket", "travel");
    properties.put("tasks.max", Integer.toString(tasks));
    properties.put("dcp.maximum.drainrate", Integer.toString(rate));
    return ConnectorConfig.parse(properties);
  }
}
