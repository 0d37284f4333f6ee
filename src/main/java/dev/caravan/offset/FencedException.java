// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

/** Another process has taken over the task. The caller must stop the task. */
public final class FencedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public FencedException(String message) {
    super(message);
  }
}
