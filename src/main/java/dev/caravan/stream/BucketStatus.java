// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

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
    int rollbacks) {}
