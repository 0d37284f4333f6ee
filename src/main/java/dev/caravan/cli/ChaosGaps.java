// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import dev.caravan.cli.ChaosWorkers.Kind;
import dev.caravan.cli.ChaosWorkers.Outage;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * How long vBuckets stood still when a worker was gone: for each outage the longest time between
 * two records of the same vBucket that began around it. Documents are written all the while, so a
 * vBucket that is read has records several times a second.
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

  /** The longest of each kind, such as {@code killed=10512ms stopped=820ms}. */
  String longest(List<Outage> outages) {
    Map<Kind, Long> longest = new EnumMap<>(Kind.class);
    for (Outage outage : outages) {
      longest.merge(outage.kind(), after(outage), Math::max);
    }
    StringBuilder text = new StringBuilder();
    longest.forEach(
        (kind, millis) ->
            text.append(text.isEmpty() ? "" : " ")
                .append(kind.name().toLowerCase(Locale.ROOT))
                .append('=')
                .append(millis)
                .append("ms"));
    return text.toString();
  }

  private long after(Outage outage) {
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
