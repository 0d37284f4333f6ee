// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.progress;

/** How good a moment it is to commit what is acknowledged, best first. */
public enum CommitPoint {
  /** A failover cannot make anything be published again that is still true. */
  CLEAN,
  /**
   * A snapshot with superseded changes is about to end. After a failover before its end, what was
   * published of it may be published again, if the process ends, too.
   */
  IN_SNAPSHOT,
  /**
   * A vBucket is being read again after a rollback. What is published meanwhile is published again,
   * if the process ends before the re-read does.
   */
  IN_REREAD;

  /** The worse of two. */
  public CommitPoint worse(CommitPoint other) {
    return compareTo(other) < 0 ? other : this;
  }
}
