// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component.delivery;

/** Saves the progress of a delivery loop. All methods are for the loop's thread, and may block. */
interface Commits {

  /** Comes before everything else. */
  void open();

  /** In how many nanoseconds {@link #commit} has to be called; 0 or less: now. */
  long nanosUntilDue();

  /**
   * Commits what was delivered. Comes between two exchanges, while none is in the route. Does
   * nothing after an exchange that was not delivered.
   *
   * @throws RuntimeException if the loop can't go on
   */
  void commit();

  /** Gives up everything that is not committed; what is on its way fails. Idempotent. */
  void discard();

  /**
   * Commits for the last time, if that is still right. Exchanges may be in the route.
   *
   * @throws RuntimeException if what was delivered last is not committed
   */
  void end();
}
