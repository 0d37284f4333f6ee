// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DrainRateTest {
  private static final long SEED = 20160121;

  @Test
  void isNeverAboveTheRateAndAtMostOnePercentBelow() {
    rates()
        .forEach(
            rate -> {
              double error = DrainRate.of(rate).documentsPerSecond() / rate - 1;
              assertThat(error).as("error at %s/s", rate).isBetween(-0.01, 1e-8);
            });
  }

  @Test
  void aBurstIsAtMostWhat200MillisecondsAllowOrOneDocument() {
    rates()
        .forEach(
            rate ->
                assertThat((double) DrainRate.of(rate).permits())
                    .as("permits at %s/s", rate)
                    .isBetween(1.0, Math.max(1, 0.2 * rate)));
  }

  /** From 0.01 to 5,000,000: every whole number that people write first, then any. */
  private static DoubleStream rates() {
    DoubleStream small = IntStream.rangeClosed(1, 20_000).asDoubleStream();
    DoubleStream fractions = IntStream.rangeClosed(1, 20_000).mapToDouble(i -> i / 100.0);
    DoubleStream any =
        new Random(SEED).doubles(50_000, Math.log(0.01), Math.log(5_000_000)).map(Math::exp);
    return DoubleStream.concat(small, DoubleStream.concat(fractions, any));
  }

  @ParameterizedTest
  @CsvSource({
    "0.5, 1, 2000",
    "1, 1, 1000",
    "3, 1, 334",
    "10, 1, 100",
    "100, 10, 100",
    "1000, 100, 100",
    "5000000, 500000, 100"
  })
  void roundRatesHaveAPeriodOf100Milliseconds(double rate, int permits, long periodMillis) {
    assertThat(DrainRate.of(rate)).isEqualTo(new DrainRate(permits, periodMillis));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 7, 10, 333, 1024})
  void tasksTogetherHaveTheRateOfTheirConnector(int tasks) {
    for (int rate : List.of(1, 2, 10, 1000, 99_999, 5_000_000)) {
      double together =
          connector(rate, tasks).tasks().stream()
              .mapToDouble(task -> task.drainRate().orElseThrow().documentsPerSecond())
              .sum();
      assertThat(together).isCloseTo(rate, within(rate * 0.01)).isLessThanOrEqualTo(rate * 1.00001);
    }
  }

  @Test
  void withoutARateTasksHaveNone() {
    assertThat(connector(0, 3).tasks()).allMatch(task -> task.drainRate().isEmpty());
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, -1, 1e-5, 1e8, Double.NaN, Double.POSITIVE_INFINITY})
  void aRateThatCannotBeIsRefused(double rate) {
    assertThatThrownBy(() -> DrainRate.of(rate))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(Double.toString(rate));
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
