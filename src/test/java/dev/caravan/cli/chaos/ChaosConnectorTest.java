// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.caravan.connector.DeliveryGuarantee;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The connectors of a run. */
@Tag("unit")
class ChaosConnectorTest {
  private static final Map<String, String> TARGET = Map.of("couchbase.bucket", "b");

  @ParameterizedTest
  @EnumSource
  void aGuaranteeHasOneWithoutAndOneWithALimit(DeliveryGuarantee guarantee) {
    List<ChaosConnector> connectors = ChaosConnector.of("a", List.of(guarantee), TARGET, 10);
    assertThat(connectors)
        .extracting(ChaosConnector::label)
        .containsExactly(guarantee.toString(), guarantee + ", limited");
    assertThat(connectors)
        .extracting(
            connector -> connector.config().get("delivery.guarantee"),
            connector -> connector.config().get("dcp.maximum.drainrate"))
        .containsExactly(tuple(guarantee.toString(), null), tuple(guarantee.toString(), "15"));
  }

  @Test
  void onlyExactlyOnceIsExactlyOnce() {
    assertThat(ChaosConnector.of("a", List.of(DeliveryGuarantee.values()), TARGET, 10))
        .extracting(ChaosConnector::isExactlyOnce)
        .containsExactly(false, false, true, true);
  }
}
