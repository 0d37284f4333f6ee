// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which connectors a run has. */
class ChaosConnectorTest {
  private static final Map<String, String> TARGET = Map.of("couchbase.bucket", "b");

  @ParameterizedTest
  @ValueSource(strings = {"at_least_once", "exactly_once"})
  void aGuaranteeHasTwo(String guarantee) {
    assertThat(ChaosConnector.of("a", guarantee, TARGET, 1))
        .hasSize(2)
        .allMatch(connector -> guarantee.equals(connector.config().get("delivery.guarantee")));
  }

  @Test
  void withoutAGuaranteeEachHasTwo() {
    assertThat(ChaosConnector.of("a", null, TARGET, 1)).hasSize(4);
  }
}
