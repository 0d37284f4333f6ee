// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

/** No connector of that name exists. */
public final class ConnectorNotFoundException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  ConnectorNotFoundException(String message) {
    super(message);
  }
}
