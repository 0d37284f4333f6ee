// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos;

/** Threads that keep processors busy, as other programs of the machine would. */
final class CpuLoad implements AutoCloseable {
  private final int count;
  private volatile boolean finished;

  /**
   * @param count the number of threads, 0 or more
   */
  CpuLoad(int count) {
    this.count = count;
  }

  /** Starts the threads. */
  void start() {
    for (int i = 0; i < count; i++) {
      Thread thread = new Thread(this::spin, "chaos-load-" + i);
      thread.setDaemon(true);
      thread.start();
    }
  }

  private void spin() {
    while (!finished) {
      Thread.onSpinWait();
    }
  }

  @Override
  public void close() {
    finished = true;
  }
}
