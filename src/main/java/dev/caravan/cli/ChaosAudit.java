// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import dev.caravan.cli.ChaosWrite.Identity;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Holds the records of a topic against what was written. Records come in the order of their
 * partitions. Not thread-safe.
 */
final class ChaosAudit {
  /** How many examples of a breach are kept for the message. */
  private static final int EXAMPLES = 5;

  /**
   * What an audit found.
   *
   * @param missing documents whose last record is not their last write
   * @param duplicated records of writes that have another record before
   * @param reordered records that came, for the first time, after one of a later write of the same
   *     document
   * @param unknown records of nothing that was ever written
   * @param stale documents whose last record is a write that Couchbase has lost
   */
  record Findings(
      long records, int missing, int duplicated, int reordered, int unknown, int stale) {}

  private final ChaosLedger ledger;
  private final Map<Identity, ChaosWrite> written;
  private final Set<Identity> seen = new HashSet<>();
  private final Map<String, Integer> newest = new HashMap<>();
  private final Map<String, ChaosWrite> last = new HashMap<>();
  private final List<String> examples = new ArrayList<>();
  private long records;
  private int duplicated;
  private int reordered;
  private int unknown;

  /**
   * @param ledger to which nothing is added any more
   */
  ChaosAudit(ChaosLedger ledger) {
    this.ledger = ledger;
    this.written = ledger.byIdentity();
  }

  void add(Identity identity, String where) {
    records++;
    ChaosWrite write = written.get(identity);
    if (write == null) {
      unknown++;
      example("unknown " + identity + " at " + where);
      return;
    }
    if (!seen.add(identity)) {
      duplicated++;
    } else if (newest.getOrDefault(write.documentId(), -1) > write.number()) {
      reordered++;
      example("reordered " + write + " at " + where);
    }
    if (!ledger.isLost(write)) {
      newest.merge(write.documentId(), write.number(), Math::max);
    }
    last.put(write.documentId(), write);
  }

  private void example(String text) {
    if (examples.size() < EXAMPLES) {
      examples.add(text);
    }
  }

  /** Compares the last record of each document with its last write. */
  Findings findings() {
    int missing = 0;
    int stale = 0;
    for (Map.Entry<String, ChaosWrite> expected : ledger.lastByDocument().entrySet()) {
      ChaosWrite delivered = last.get(expected.getKey());
      if (expected.getValue().equals(delivered)) {
        continue;
      }
      if (delivered != null
          && ledger.isLost(delivered)
          && seen.contains(expected.getValue().identity())) {
        stale++;
      } else {
        missing++;
        example("missing " + expected.getValue() + ", the last record is of " + delivered);
      }
    }
    return new Findings(records, missing, duplicated, reordered, unknown, stale);
  }

  /** Some of what was found, for a message. */
  List<String> examples() {
    return List.copyOf(examples);
  }
}
