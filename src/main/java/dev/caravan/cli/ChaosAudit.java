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

  /** A write with its place among all. */
  private record Placed(ChaosWrite write, int place) {}

  private final Map<Identity, Placed> written = new HashMap<>();
  private final Map<String, ChaosWrite> expected = new HashMap<>();
  private final Set<Identity> seen = new HashSet<>();
  private final Map<String, Integer> newest = new HashMap<>();
  private final Map<String, ChaosWrite> last = new HashMap<>();
  private final List<String> examples = new ArrayList<>();
  private long records;
  private int duplicated;
  private int reordered;
  private int unknown;

  /**
   * @param writes those to a document in the order in which they were made
   */
  ChaosAudit(List<ChaosWrite> writes) {
    for (ChaosWrite write : writes) {
      written.put(write.identity(), new Placed(write, written.size()));
      if (!write.lost()) {
        expected.put(write.documentId(), write);
      }
    }
  }

  void add(Identity identity, String where) {
    records++;
    Placed placed = written.get(identity);
    if (placed == null) {
      unknown++;
      example("unknown " + identity + " at " + where);
      return;
    }
    ChaosWrite write = placed.write();
    if (!seen.add(identity)) {
      duplicated++;
    } else if (newest.getOrDefault(write.documentId(), -1) > placed.place()) {
      reordered++;
      example("reordered " + write + " at " + where);
    }
    if (!write.lost()) {
      newest.merge(write.documentId(), placed.place(), Math::max);
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
    for (ChaosWrite write : expected.values()) {
      ChaosWrite delivered = last.get(write.documentId());
      if (write.equals(delivered)) {
        continue;
      }
      if (delivered != null && delivered.lost() && seen.contains(write.identity())) {
        stale++;
      } else {
        missing++;
        example("missing " + write + ", the last record is of " + delivered);
      }
    }
    return new Findings(records, missing, duplicated, reordered, unknown, stale);
  }

  /** Some of what was found, for a message. */
  List<String> examples() {
    return List.copyOf(examples);
  }
}
