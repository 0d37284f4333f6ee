// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos;

import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Writes and deletes a small set of documents at a steady rate, on its own thread between {@link
 * #start} and {@link #finish}.
 */
final class ChaosWriter {
  private static final int DOCUMENTS = 2000;
  private static final int DELETIONS_PERCENT = 10;

  private final ChaosTarget target;
  private final String prefix;
  private final Random random;
  private final long pauseNanos;
  private final Thread thread = new Thread(this::write, "chaos-writer");
  private int number;
  private volatile boolean finished;
  private volatile @Nullable RuntimeException failure;

  /**
   * @param prefix of the ids of the documents
   * @param perSecond writes per second
   */
  ChaosWriter(ChaosTarget target, String prefix, int perSecond, long seed) {
    this.target = target;
    this.prefix = prefix;
    this.random = new Random(seed);
    this.pauseNanos = TimeUnit.SECONDS.toNanos(1) / perSecond;
  }

  void start() {
    thread.setDaemon(true);
    thread.start();
  }

  private void write() {
    try {
      long next = System.nanoTime();
      while (!finished) {
        writeOne();
        next += pauseNanos;
        LockSupport.parkNanos(next - System.nanoTime());
      }
    } catch (RuntimeException e) {
      failure = e;
    }
  }

  private void writeOne() {
    String documentId = prefix + random.nextInt(DOCUMENTS);
    if (random.nextInt(100) < DELETIONS_PERCENT) {
      target.delete(documentId);
    } else {
      String json = "{\"number\":" + number++ + ",\"id\":\"" + documentId + "\"}";
      target.upsert(documentId, json);
    }
  }

  /**
   * Stops writing.
   *
   * @throws RuntimeException the failure of a write
   */
  void finish() throws InterruptedException {
    finished = true;
    thread.join();
    RuntimeException cause = failure;
    if (cause != null) {
      throw cause;
    }
  }
}
