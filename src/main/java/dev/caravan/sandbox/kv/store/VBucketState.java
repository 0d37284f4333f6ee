// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.store;

/** The state of a vBucket on a node, numbered as in the KV protocol. */
public enum VBucketState {
  /** It is read, written and streamed. */
  ACTIVE(1),

  /** It is streamed to clients that don't require an active one. */
  REPLICA(2),

  /** It waits to become active; seen by a client as a replica is. */
  PENDING(3),

  /** It exists and serves no request. */
  DEAD(4);

  private final int code;

  VBucketState(int code) {
    this.code = code;
  }

  public int code() {
    return code;
  }
}
