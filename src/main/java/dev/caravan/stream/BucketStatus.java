// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import dev.caravan.stream.cluster.ConnectionFailure;
import dev.caravan.stream.cluster.ConnectionFailure.Reason;
import org.jspecify.annotations.Nullable;

/**
 * How one bucket's stream stands at a moment. Immutable.
 *
 * @param streaming whether streams have been opened, and at least one connection stands
 * @param openStreams how many vBucket streams are open
 * @param vbuckets how many vBuckets are selected; 0 until the first connection
 * @param error what is wrong; null if nothing is, or nothing is known yet. While streaming, some
 *     vBuckets are not being streamed and the others are.
 * @param rollbacks how often the server rolled a vBucket back since the consumer started
 */
public record BucketStatus(
    String bucket,
    boolean streaming,
    int openStreams,
    int vbuckets,
    @Nullable Throwable error,
    int rollbacks) {
  /** Returns the name of an error's {@link Reason}; null if it is not a connection's error. */
  public static @Nullable String connectionReason(@Nullable Throwable error) {
    return error instanceof ConnectionFailure failure ? failure.reason().name() : null;
  }
}
