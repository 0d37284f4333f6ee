// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.store;

/** What a node may do with a vBucket, numbered as in the KV protocol. */
public enum VBucketState {
  /** It is read, written and streamed. */
  ACTIVE(1),

  /** It is streamed to those who don't insist on an active one. */
  REPLICA(2),

  /** It waits to become active; seen by a client as a replica is. */
  PENDING(3),

  /** It is there, and of no use to anybody. */
  DEAD(4);

  private final int code;

  VBucketState(int code) {
    this.code = code;
  }

  public int code() {
    return code;
  }
}
