// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import com.couchbase.client.dcp.state.FailoverLogEntry;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The history of a vBucket, as far as it is known: each failover begins a branch of its own.
 * Immutable.
 *
 * @param log the failover log, the newest branch first: its vbuuid, and the seqno after which it
 *     began
 */
record FailoverHistory(List<FailoverLogEntry> log) {

  FailoverHistory {
    log = List.copyOf(log);
    if (log.isEmpty()) {
      throw new IllegalArgumentException("The failover log is empty.");
    }
  }

  /** A history of which no more than the newest branch is known. */
  static FailoverHistory of(long vbuuid) {
    return new FailoverHistory(List.of(new FailoverLogEntry(0, vbuuid)));
  }

  /** Identifies the newest branch. */
  long vbuuid() {
    return log.get(0).getUuid();
  }

  /**
   * The seqno up to which a later history is the same, unsigned. Null if nobody knows: then the two
   * have no branch in common.
   */
  @Nullable Long commonSeqno(FailoverHistory later) {
    long end = -1;
    for (FailoverLogEntry branch : log) {
      Long laterEnd = later.end(branch.getUuid());
      if (laterEnd != null) {
        return Long.compareUnsigned(laterEnd, end) < 0 ? laterEnd : Long.valueOf(end);
      }
      end = branch.getSeqno();
    }
    return null;
  }

  /** The last seqno of a branch: where the next one began. Null if it is not a part of this. */
  private @Nullable Long end(long vbuuid) {
    long end = -1;
    for (FailoverLogEntry branch : log) {
      if (branch.getUuid() == vbuuid) {
        return end;
      }
      end = branch.getSeqno();
    }
    return null;
  }
}
