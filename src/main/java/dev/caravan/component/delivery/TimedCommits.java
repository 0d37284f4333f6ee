// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component.delivery;

import dev.caravan.stream.BucketStream;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * At least once: each bucket stream saves its acknowledged prefix by its own timer, and here for
 * the last time. For the loop's thread.
 */
final class TimedCommits implements Commits {
  private static final Duration TIMEOUT = Duration.ofSeconds(2);

  private final List<BucketStream> streams;

  TimedCommits(List<BucketStream> streams) {
    this.streams = streams;
  }

  @Override
  public void open() {
    // Offsets can be loaded at any time.
  }

  @Override
  public long nanosUntilDue() {
    return Long.MAX_VALUE;
  }

  @Override
  public void commit() {
    // Never due.
  }

  @Override
  public void discard() {
    // Acknowledged changes stay acknowledged, even if a later one fails.
  }

  @Override
  public void end() {
    Futures.await(
        "saving offsets",
        TIMEOUT,
        streams.stream().<CompletableFuture<?>>map(BucketStream::commit).toList());
  }
}
