// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos.audit;

import dev.caravan.cli.chaos.audit.ChaosOutage.OutageKind;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Detects that a thread of this process waited long for a processor. A worker may have waited as
 * long and lost its tasks without a fault. Runs on its own thread.
 */
public final class StarvationDetector implements AutoCloseable {
  private static final long PAUSE_MILLIS = 50;

  /** A worker that waits this long several times in a row loses its lease. */
  private static final long LATE_MILLIS = 1000;

  private final List<ChaosOutage> outages;
  private final Thread thread = new Thread(this::watch, "chaos-lag");

  /**
   * @param outages receives the outages; must be thread-safe
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
          outages.add(new ChaosOutage(OutageKind.STARVED, start, end, ChaosOutage.EVERYTHING));
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
