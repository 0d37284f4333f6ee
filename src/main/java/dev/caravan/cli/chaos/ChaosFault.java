// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos;

import java.util.Random;

/**
 * Something that goes wrong.
 *
 * @param name for the log
 * @param action makes it go wrong, and right again if that doesn't happen by itself; chooses at
 *     random what and for how long, and returns a description of that
 */
record ChaosFault(String name, Action action) {
  /** What a fault does. */
  @FunctionalInterface
  interface Action {
    String strike(Random random) throws Exception;
  }
}
