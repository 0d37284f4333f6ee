// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

/** There is a connector of that name already. */
public final class ConnectorExistsException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public ConnectorExistsException(String name) {
    super("Connector " + name + " already exists");
  }
}
