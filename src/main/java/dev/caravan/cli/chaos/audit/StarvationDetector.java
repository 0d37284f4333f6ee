// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos.audit;

import dev.caravan.cli.chaos.audit.ChaosOutage.Kind;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Notices when the machine is so busy that a thread of this process waits long for a processor: a
 * worker may wait as long then, and lose its tasks although nothing was done to it. One thread of
 * its own.
 */
public final class StarvationDetector implements AutoCloseable {
  private static final long PAUSE_MILLIS = 50;

  /** A worker of which so much is taken several times in a row loses its lease. */
  private static final long LATE_MILLIS = 1000;

  private final List<ChaosOutage> outages;
  private final Thread thread = new Thread(this::watch, "chaos-lag");

  /**
   * @param outages takes what is noticed; thread-safe
   */
  public StarvationDetector(List<ChaosOutage> outages) {
    this.outages = outages;
    thread.setDaemon(true);
  }

  public void start() {
    thread.start();
  }

  private void watch() {
    try {
      while (true) {
        long start = System.currentTimeMillis();
        TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
        long end = System.currentTimeMillis();
        if (end - start > PAUSE_MILLIS + LATE_MILLIS) {
          outages.add(new ChaosOutage(Kind.STARVED, start, end, ChaosOutage.EVERYTHING));
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
