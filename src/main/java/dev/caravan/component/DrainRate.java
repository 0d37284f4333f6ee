// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

/**
 * A rate in the terms of Camel's Throttler EIP in its TotalRequests mode: so many permits, each of
 * which comes back one period after it was taken. A route takes its numbers from a bean of this
 * class; see {@code routes/standalone.camel.yaml}.
 *
 * <p>Over a long time, permits a period is never more than the rate asked for and at most 1 % less.
 * A burst, all permits at once, is at most what 200 ms of the rate allow, or one document. Where
 * there is a choice, the period is near 100 ms: longer makes bursts larger, and with a shorter one
 * the lateness of each permit (the throttler counts in milliseconds) weighs more.
 *
 * @param unlimited whether there is no limit, so that the throttle is to be left out
 * @param permits how many documents may pass in any period
 * @param periodMillis the length of the period in milliseconds
 */
public record DrainRate(boolean unlimited, int permits, long periodMillis) {
  /** No limit. A throttle needs numbers even where it is disabled. */
  private static final DrainRate UNLIMITED = new DrainRate(true, 1, 1);

  private static final int UNLIMITED_BATCH_SIZE = 500;
  private static final double MIN_RATE = 0.0001;
  private static final double MAX_RATE = 10_000_000;
  private static final double SHORTEST_PERIOD_SECONDS = 0.1;
  private static final double LONGEST_BURST_SECONDS = 0.2;

  /** An error that is not worth a longer period in exchange. */
  private static final double GOOD_ENOUGH = 0.001;

  /** A rounding error of the division by the number of tasks must not cost a whole millisecond. */
  private static final double ROUNDING = 1e-9;

  /**
   * The permits and the period for a rate.
   *
   * @param documentsPerSecond 0 for no limit; may be a fraction, a task's share of a rate
   * @throws IllegalArgumentException if the rate is neither 0 nor within 0.0001 to 10,000,000
   */
  public static DrainRate of(double documentsPerSecond) {
    if (documentsPerSecond == 0) {
      return UNLIMITED;
    }
    if (!(documentsPerSecond >= MIN_RATE && documentsPerSecond <= MAX_RATE)) {
      throw new IllegalArgumentException(
          "A rate of "
              + documentsPerSecond
              + " documents a second is not within "
              + MIN_RATE
              + " to "
              + MAX_RATE
              + ", nor 0 for no limit");
    }
    long fewest = ceil(documentsPerSecond * SHORTEST_PERIOD_SECONDS);
    long most = Math.max(fewest, (long) (documentsPerSecond * LONGEST_BURST_SECONDS));
    DrainRate best = with(fewest, documentsPerSecond);
    for (long permits = fewest + 1; permits <= most; permits++) {
      if (best.errorAgainst(documentsPerSecond) <= GOOD_ENOUGH) {
        break;
      }
      DrainRate candidate = with(permits, documentsPerSecond);
      if (candidate.errorAgainst(documentsPerSecond) < best.errorAgainst(documentsPerSecond)) {
        best = candidate;
      }
    }
    return best;
  }

  /**
   * The same as {@link #of}, for the YAML DSL, which knows no other numbers.
   *
   * @param documents 0 for no limit
   */
  public static DrainRate perSecond(int documents) {
    return of(documents);
  }

  private static DrainRate with(long permits, double documentsPerSecond) {
    return new DrainRate(
        false, Math.toIntExact(permits), ceil(1000 * permits / documentsPerSecond));
  }

  private static long ceil(double value) {
    return (long) Math.ceil(value * (1 - ROUNDING));
  }

  /** The rate that the throttler lets through in the long run, in documents a second. */
  public double documentsPerSecond() {
    return unlimited ? Double.POSITIVE_INFINITY : 1000.0 * permits / periodMillis;
  }

  /**
   * How many changes an exchange carries: the throttle counts exchanges, so with a limit it must be
   * one.
   */
  public int batchSize() {
    return unlimited ? UNLIMITED_BATCH_SIZE : 1;
  }

  private double errorAgainst(double documentsPerSecond) {
    return Math.abs(1 - documentsPerSecond() / documentsPerSecond);
  }
}
