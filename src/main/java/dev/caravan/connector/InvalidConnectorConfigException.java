// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import java.util.List;

/**
 * The configuration of a connector is invalid. The message has all errors, in the form of Kafka
 * Connect's, and never includes a secret.
 */
public final class InvalidConnectorConfigException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * @param errors the errors, at least one, each a line of the message
   */
  public InvalidConnectorConfigException(List<String> errors) {
    super(
        "Connector configuration is invalid and contains the following "
            + errors.size()
            + " error(s):\n"
            + String.join("\n", errors));
  }
}
