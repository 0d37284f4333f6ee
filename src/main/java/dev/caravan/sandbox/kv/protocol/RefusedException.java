// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.protocol;

/** A request, or a part of one, can't be carried out, for a reason that has a status. */
public final class RefusedException extends Exception {
  private static final long serialVersionUID = 1L;

  private final Status status;

  public RefusedException(Status status) {
    super(status.name());
    this.status = status;
  }

  public Status status() {
    return status;
  }
}
