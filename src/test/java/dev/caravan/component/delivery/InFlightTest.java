// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("unit")
class InFlightTest {
  @Test
  void documentsCountNotExchanges() {
    InFlight inFlight = new InFlight(10, 1_000);
    inFlight.begin(6, 60);
    assertThat(inFlight.hasRoom()).isTrue();
    inFlight.begin(6, 60);
    assertThat(inFlight.hasRoom()).isFalse();
    assertThat(inFlight.end(6, 60, true)).as("somebody waits for room").isTrue();
    assertThat(inFlight.hasRoom()).isTrue();
  }

  @Test
  void bytesCountToo() {
    InFlight inFlight = new InFlight(10, 1_000);
    inFlight.begin(1, 1_000);
    assertThat(inFlight.hasRoom()).isFalse();
    inFlight.end(1, 1_000, true);
    assertThat(inFlight.hasRoom()).isTrue();
  }

  @Test
  void oneExchangeIsAllowedHoweverLarge() {
    InFlight inFlight = new InFlight(10, 1_000);
    assertThat(inFlight.hasRoom()).isTrue();
    inFlight.begin(500, 100_000);
    assertThat(inFlight.count()).isOne();
    assertThat(inFlight.hasRoom()).isFalse();
  }
}
