// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

/** Where a consumer stands. */
public enum Phase {
  /** Not every bucket is being streamed; it is being worked on, for as long as it takes. */
  CONNECTING,
  /** Every selected vBucket is being streamed. */
  STREAMING,
  /**
   * Streaming, but not every vBucket: a node can't be reached or refuses, or streams have stopped
   * in silence. The error names the node or the vBuckets.
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
