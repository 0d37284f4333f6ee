// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

/** An error with its HTTP status. */
final class RestException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int status;

  RestException(int status, String message) {
    super(message);
    this.status = status;
  }

  int status() {
    return status;
  }
}
