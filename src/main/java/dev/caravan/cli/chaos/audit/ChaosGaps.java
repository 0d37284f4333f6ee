// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos.audit;

import static java.util.stream.Collectors.joining;

import dev.caravan.cli.chaos.audit.ChaosOutage.OutageKind;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Measures the gaps in the records of vBuckets after outages. Documents change all the time, so
 * that each vBucket has several records per second while it is read. Not thread-safe.
 *
 * <p>The gap of an outage is the longest gap of the vBuckets that it touches. It begins at the
 * outage, or at the end of an outage that lasts, and ends at the next record. If other outages
 * follow before that record, the gap belongs to the last of them. A worker that starts takes over
 * running tasks, so it does not cause a gap that began before.
 */
public final class ChaosGaps {
  private static final long AROUND_MILLIS = 500;

  /** The number of late gaps that a line names. */
  private static final int EXAMPLES = 3;

  /** The session timeout of the workers. */
  private static final Duration SESSION = Duration.ofSeconds(10);

  private static final Duration HAND_OVER = Duration.ofSeconds(2);
  private static final Duration TAKE_OVER = SESSION.plusSeconds(3);

  private final List<ChaosOutage> outages;
  private final Map<OutageKind, List<Gap>> gaps = new EnumMap<>(OutageKind.class);

  /**
   * A gap.
   *
   * @param among whether other outages were so close that the group may have waited for two
   *     sessions
   * @param where the vBucket, and the time of the record before the gap
   */
  private record Gap(long millis, boolean among, String where) {}

  /**
   * @param outages all outages of the run
   */
  public ChaosGaps(List<ChaosOutage> outages) {
    this.outages = List.copyOf(outages);
  }

  /** Adds the records of a connector. */
  public void add(String connector, List<ChaosTopic.AuditedRecord> entries) {
    Map<Integer, List<Long>> timesByVbucket = new HashMap<>();
    for (ChaosTopic.AuditedRecord entry : entries) {
      timesByVbucket
          .computeIfAbsent(entry.identity().vbucket(), vbucket -> new ArrayList<>())
          .add(entry.timestamp());
    }
    timesByVbucket.values().forEach(Collections::sort);
    for (ChaosOutage outage : outages) {
      Optional<Gap> longest = Optional.empty();
      for (Map.Entry<Integer, List<Long>> times : timesByVbucket.entrySet()) {
        if (outage.scope().contains(connector, times.getKey())) {
          Optional<Gap> gap = gap(outage, connector, times.getKey(), times.getValue());
          if (gap.isPresent() && gap.get().millis() >= longest.map(Gap::millis).orElse(0L)) {
            longest = gap;
          }
        }
      }
      longest.ifPresent(
          gap -> gaps.computeIfAbsent(outage.kind(), kind -> new ArrayList<>()).add(gap));
    }
  }

  /** The gap of an outage in a vBucket; empty if there is none or it belongs to a later outage. */
  private Optional<Gap> gap(ChaosOutage outage, String connector, int vbucket, List<Long> times) {
    Optional<Gap> longest = Optional.empty();
    for (int i = 1; i < times.size(); i++) {
      long last = times.get(i - 1);
      long next = times.get(i);
      if (next < outage.start() || last > outage.end() + AROUND_MILLIS) {
        continue;
      }
      if (outage.kind() == OutageKind.STARTED && last < outage.start()) {
        // The gap began before the worker started.
        continue;
      }
      boolean isOfLater =
          outages.stream()
              .anyMatch(
                  other ->
                      other.kind() != OutageKind.STARTED
                          && other.start() > outage.start()
                          && other.start() < next
                          && other.scope().contains(connector, vbucket));
      long millis = next - Math.max(last, since(outage));
      if (isOfLater) {
        return Optional.empty();
      }
      if (millis > longest.map(Gap::millis).orElse(-1L)) {
        longest =
            Optional.of(
                new Gap(
                    millis,
                    isAmongOthers(outage, next),
                    "vBucket "
                        + vbucket
                        + " of "
                        + connector
                        + " since "
                        + Instant.ofEpochMilli(last)));
      }
    }
    return longest;
  }

  private static long since(ChaosOutage outage) {
    return switch (outage.kind()) {
      case KILLED, SUSPENDED, PARTITIONED, STOPPED, STARTED -> outage.start();
      case BROKER, STARVED, NETWORK, CHANGED, REFUSED -> outage.end();
    };
  }

  private boolean isAmongOthers(ChaosOutage outage, long next) {
    return outages.stream()
        .anyMatch(
            other ->
                !other.equals(outage)
                    && other.end() > outage.start() - SESSION.toMillis()
                    && other.start() < next);
  }

  /** The longest permitted gap after an outage with several workers; empty if there is none. */
  private static Optional<Duration> promise(OutageKind kind) {
    return switch (kind) {
      case STOPPED, STARTED, CHANGED -> Optional.of(HAND_OVER);
      case KILLED, PARTITIONED, SUSPENDED -> Optional.of(TAKE_OVER);
      case BROKER, NETWORK, STARVED, REFUSED -> Optional.empty();
    };
  }

  /**
   * A line for each kind of outage, and one more for outages among others. Their gaps may be longer
   * by a session timeout.
   *
   * @param isShared whether there are several workers, so that another worker takes over
   */
  public List<String> lines(boolean isShared) {
    List<String> lines = new ArrayList<>();
    gaps.forEach(
        (kind, all) -> {
          Optional<Duration> promise = isShared ? promise(kind) : Optional.empty();
          add(lines, kind.label(), all.stream().filter(gap -> !gap.among()).toList(), promise);
          add(
              lines,
              kind.label() + " among other faults",
              all.stream().filter(Gap::among).toList(),
              promise.map(SESSION::plus));
        });
    return lines;
  }

  private static void add(
      List<String> lines, String label, List<Gap> gaps, Optional<Duration> promise) {
    if (gaps.isEmpty()) {
      return;
    }
    lines.add(
        "gaps after "
            + label
            + ": faults="
            + gaps.size()
            + " p50="
            + middle(gaps)
            + "ms max="
            + longest(gaps)
            + "ms"
            + promise.map(limit -> against(limit, gaps)).orElse(""));
  }

  private static String against(Duration promise, List<Gap> gaps) {
    List<Gap> late = gaps.stream().filter(gap -> gap.millis() > promise.toMillis()).toList();
    String where = late.stream().limit(EXAMPLES).map(Gap::where).collect(joining(", "));
    return " promised="
        + promise.toMillis()
        + "ms late="
        + late.size()
        + (late.isEmpty() ? "" : " (" + where + ")");
  }

  private static long middle(List<Gap> gaps) {
    return gaps.stream().map(Gap::millis).sorted().skip(gaps.size() / 2).findFirst().orElse(0L);
  }

  private static long longest(List<Gap> gaps) {
    return gaps.stream().mapToLong(Gap::millis).max().orElse(0);
  }

  /** The longest gap after each kind of outage, in milliseconds. */
  public Map<String, Long> longest() {
    Map<String, Long> longest = new TreeMap<>();
    gaps.forEach((kind, all) -> longest.put(kind.label(), longest(all)));
    return longest;
  }
}
