// SPDX-License-Identifier: Apache-2.0
/**
 * Reads buckets over DCP, on the official client. A {@link dev.caravan.stream.BucketStream} reads
 * one bucket while a consumer runs: one {@code DcpSession} after the other, each from the
 * acknowledged prefix of each vBucket. It passes changes to a {@link
 * dev.caravan.stream.change.ChangeSink}. After the receiver has acknowledged a change, its bytes
 * return to the flow-control window and its offset is saved.
 *
 * <p>Nothing here depends on Camel or Kafka. Event loops never block in it. The thread that tends a
 * bucket belongs to the caller.
 */
@NullMarked
package dev.caravan.stream;

import org.jspecify.annotations.NullMarked;
