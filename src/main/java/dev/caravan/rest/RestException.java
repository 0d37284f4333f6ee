// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

/** A request that this API can't take, with the HTTP status that says so. */
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
