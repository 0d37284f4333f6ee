// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import dev.caravan.cli.ChaosWrite.Identity;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What was written, in the order in which it was, and what of that Couchbase has lost since, in
 * failovers to replicas that were behind. Thread-safe.
 */
final class ChaosLedger {
  private final List<ChaosWrite> writes = new ArrayList<>();
  private final Set<Identity> lost = new HashSet<>();

  /** How many writes there are; the number of the next one. */
  synchronized int size() {
    return writes.size();
  }

  synchronized void add(ChaosWrite write) {
    writes.add(write);
  }

  /** Notes that a vBucket has lost what it had after a seqno. */
  synchronized void lose(int vbucket, long afterSeqno) {
    for (ChaosWrite write : writes) {
      if (write.vbucket() == vbucket && write.seqno() > afterSeqno) {
        lost.add(write.identity());
      }
    }
  }

  synchronized boolean isLost(ChaosWrite write) {
    return lost.contains(write.identity());
  }

  /** By identity, in the order of writing. */
  synchronized Map<Identity, ChaosWrite> byIdentity() {
    Map<Identity, ChaosWrite> result = new LinkedHashMap<>();
    writes.forEach(write -> result.put(write.identity(), write));
    return result;
  }

  /** The last write of each document that Couchbase still has. */
  synchronized Map<String, ChaosWrite> lastByDocument() {
    Map<String, ChaosWrite> result = new HashMap<>();
    for (ChaosWrite write : writes) {
      if (!lost.contains(write.identity())) {
        result.put(write.documentId(), write);
      }
    }
    return result;
  }
}
