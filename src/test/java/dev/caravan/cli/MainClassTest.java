// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.cli.process.ChildProcess;
import org.junit.jupiter.api.Test;

class MainClassTest {
  @Test
  void programsRunTheCommandByItsName() {
    assertThat(ChildProcess.MAIN_CLASS).isEqualTo(Caravan.class.getName());
  }
}
