// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("unit")
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
    assertThat(DrainRate.of(rate)).isEqualTo(new DrainRate(false, permits, periodMillis));
  }

  @Test
  void withoutALimitExchangesCarryBatches() {
    assertThat(DrainRate.of(0).unlimited()).isTrue();
    assertThat(DrainRate.of(0).batchSize()).isGreaterThan(1);
    assertThat(DrainRate.of(0.5).batchSize()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(doubles = {-1, 1e-5, 1e8, Double.NaN, Double.POSITIVE_INFINITY})
  void aRateThatCannotBeIsRefused(double rate) {
    assertThatThrownBy(() -> DrainRate.of(rate))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(Double.toString(rate));
  }
}
