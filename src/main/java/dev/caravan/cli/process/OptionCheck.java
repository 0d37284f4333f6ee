// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Checks the values of options. */
public final class OptionCheck {
  private OptionCheck() {}

  /**
   * Checks the lower bound of an option.
   *
   * @throws ParameterException if the value is less
   */
  public static void requireAtLeast(CommandSpec command, String option, int least, int value) {
    if (value < least) {
      throw new ParameterException(
          command.commandLine(),
          option + " must be at least " + least + ", not \"" + value + "\".");
    }
  }
}
