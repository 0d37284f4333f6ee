// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

/** A connector of that name already exists. */
public final class ConnectorExistsException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public ConnectorExistsException(String name) {
    super("Connector " + name + " already exists");
  }
}
