// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component.delivery;

/** Where a consumer stands. */
public enum Phase {
  /**
   * Not every bucket is being streamed, or the next attempt to deliver a change is being waited
   * for; the consumer tries again for as long as it takes.
   */
  CONNECTING,
  /** Every selected vBucket is being streamed. */
  STREAMING,
  /**
   * Streaming, but not all of it: a node can't be reached or refuses, streams have stopped in
   * silence, or a change that could not be delivered has not been delivered since. The error names
   * the node, the vBuckets or the change.
   */
  DEGRADED,
  /**
   * Stopped by itself, because an exchange failed or because the buckets can't be read as
   * configured.
   */
  FAILED,
  /** Everything was read up to where it was to end; the route is being stopped, or is. */
  FINISHED,
  /** Not started, or stopped. */
  STOPPED
}
