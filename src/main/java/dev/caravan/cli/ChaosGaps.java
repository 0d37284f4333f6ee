// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * How long vBuckets stood still when something had gone wrong: for each outage the longest time
 * between two records of the same vBucket that began around it. Documents are written all the
 * while, so a vBucket that is read has records several times a second.
 */
final class ChaosGaps {
  private static final long AROUND_MILLIS = 500;

  private final Map<Integer, List<Long>> timesByVbucket = new HashMap<>();

  ChaosGaps(List<ChaosTopic.Entry> entries) {
    for (ChaosTopic.Entry entry : entries) {
      timesByVbucket
          .computeIfAbsent(entry.identity().vbucket(), vbucket -> new ArrayList<>())
          .add(entry.timestamp());
    }
    timesByVbucket.values().forEach(Collections::sort);
  }

  /** The longest of each kind, in milliseconds. */
  Map<String, Long> longest(List<ChaosOutage> outages) {
    Map<String, Long> longest = new TreeMap<>();
    for (ChaosOutage outage : outages) {
      longest.merge(outage.kind().label(), after(outage), Math::max);
    }
    return longest;
  }

  private long after(ChaosOutage outage) {
    long longest = 0;
    for (List<Long> times : timesByVbucket.values()) {
      for (int i = 1; i < times.size(); i++) {
        long last = times.get(i - 1);
        if (last >= outage.start() - AROUND_MILLIS && last <= outage.end() + AROUND_MILLIS) {
          longest = Math.max(longest, times.get(i) - last);
        }
      }
    }
    return longest;
  }
}
