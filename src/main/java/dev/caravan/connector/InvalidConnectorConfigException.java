// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import java.util.List;

/**
 * A connector can't be built from what it was given. Names everything that is wrong with it at
 * once, in Kafka Connect's words, and never shows a secret.
 */
public final class InvalidConnectorConfigException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient List<String> errors;

  /**
   * @param errors what is wrong, one message each; at least one
   */
  public InvalidConnectorConfigException(List<String> errors) {
    super(
        "Connector configuration is invalid and contains the following "
            + errors.size()
            + " error(s):\n"
            + String.join("\n", errors));
    this.errors = List.copyOf(errors);
  }

  /** What is wrong, one message for each error. */
  public List<String> errors() {
    return errors;
  }
}
