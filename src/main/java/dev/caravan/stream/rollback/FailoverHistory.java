// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.rollback;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The history of a vBucket, as far as it is known: each failover begins a branch of its own.
 * Immutable.
 *
 * @param log the failover log, the newest branch first
 */
public record FailoverHistory(List<Branch> log) {
  /**
   * An entry of the failover log.
   *
   * @param seqno the last one before the branch, unsigned
   */
  public record Branch(long vbuuid, long seqno) {}

  public FailoverHistory {
    log = List.copyOf(log);
    if (log.isEmpty()) {
      throw new IllegalArgumentException("The failover log is empty.");
    }
  }

  /** A history of which no more than the newest branch is known. */
  public static FailoverHistory of(long vbuuid) {
    return new FailoverHistory(List.of(new Branch(vbuuid, 0)));
  }

  /** Identifies the newest branch. */
  public long vbuuid() {
    return log.get(0).vbuuid();
  }

  /**
   * The seqno up to which a later history is the same, unsigned. Null if nobody knows: then the two
   * have no branch in common.
   */
  public @Nullable Long commonSeqno(FailoverHistory later) {
    long end = -1;
    for (Branch branch : log) {
      Long laterEnd = later.end(branch.vbuuid());
      if (laterEnd != null) {
        return Long.compareUnsigned(laterEnd, end) < 0 ? laterEnd : Long.valueOf(end);
      }
      end = branch.seqno();
    }
    return null;
  }

  /** The last seqno of a branch: where the next one began. Null if it is not a part of this. */
  private @Nullable Long end(long vbuuid) {
    long end = -1;
    for (Branch branch : log) {
      if (branch.vbuuid() == vbuuid) {
        return end;
      }
      end = branch.seqno();
    }
    return null;
  }
}
