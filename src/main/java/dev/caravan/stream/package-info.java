// SPDX-License-Identifier: Apache-2.0
/**
 * DCP itself, on the official client. A {@link dev.caravan.stream.BucketStream} reads one bucket
 * for as long as a consumer runs: one {@code DcpSession} after the other, each from the
 * acknowledged prefix that {@code Progress} keeps per vBucket. What arrives is a {@link
 * dev.caravan.stream.DcpChange}, handed to a {@link dev.caravan.stream.ChangeSink}; whoever takes
 * it acknowledges it, and only then is its place in the flow-control window given back and its
 * offset saved.
 *
 * <p>It knows nothing of Camel or Kafka. Event loops never block in it, and the thread that looks
 * after a bucket is its caller's.
 */
@NullMarked
package dev.caravan.stream;

import org.jspecify.annotations.NullMarked;
