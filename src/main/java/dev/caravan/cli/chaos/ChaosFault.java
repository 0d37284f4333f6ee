// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos;

import java.util.Random;

/**
 * A fault to inject.
 *
 * @param name for the log
 * @param action injects the fault and repairs it
 */
record ChaosFault(String name, Action action) {
  /** Chooses target and duration at random, and returns their description for the log. */
  @FunctionalInterface
  interface Action {
    String strike(Random random) throws Exception;
  }
}
