// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos.audit;

import static java.util.stream.Collectors.joining;

import dev.caravan.cli.chaos.audit.ChaosOutage.Kind;
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
 * How long vBuckets stood still after something had gone wrong. Documents are written all the
 * while, so a vBucket that is read has records several times a second.
 *
 * <p>The gap of an outage is the longest of those that it touches: from the outage, or from the end
 * of one that lasts, to the next record. If other outages follow before that record, the gap is
 * counted from the last of them. A worker that starts takes tasks that run: it is no reason for a
 * gap that began before.
 */
public final class ChaosGaps {
  private static final long AROUND_MILLIS = 500;

  /** How many late gaps a line names. */
  private static final int EXAMPLES = 3;

  /** How long a group waits for a worker that it does not hear of. */
  private static final Duration SESSION = Duration.ofSeconds(10);

  private static final Duration HAND_OVER = Duration.ofSeconds(2);
  private static final Duration TAKE_OVER = SESSION.plusSeconds(3);

  private final List<ChaosOutage> outages;
  private final Map<Kind, List<Gap>> gaps = new EnumMap<>(Kind.class);

  /**
   * A gap.
   *
   * @param among whether other outages were so near that the group may have had to wait for two
   *     sessions
   * @param where which vBucket it was, and when there was a record before
   */
  private record Gap(long millis, boolean among, String where) {}

  /**
   * @param outages all that there were
   */
  public ChaosGaps(List<ChaosOutage> outages) {
    this.outages = List.copyOf(outages);
  }

  /** Takes in the records of a connector. */
  public void add(String connector, List<ChaosTopic.Entry> entries) {
    Map<Integer, List<Long>> timesByVbucket = new HashMap<>();
    for (ChaosTopic.Entry entry : entries) {
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

  /** Empty if the gap is that of a later outage, or there is none. */
  private Optional<Gap> gap(ChaosOutage outage, String connector, int vbucket, List<Long> times) {
    Optional<Gap> longest = Optional.empty();
    for (int i = 1; i < times.size(); i++) {
      long last = times.get(i - 1);
      long next = times.get(i);
      if (next < outage.start() || last > outage.end() + AROUND_MILLIS) {
        continue;
      }
      if (outage.kind() == Kind.STARTED && last < outage.start()) {
        // It stood still before the worker was there.
        continue;
      }
      boolean isOfLater =
          outages.stream()
              .anyMatch(
                  other ->
                      other.kind() != Kind.STARTED
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

  /** How long a vBucket may stand still after an outage among several workers; empty if unknown. */
  private static Optional<Duration> promise(Kind kind) {
    return switch (kind) {
      case STOPPED, STARTED, CHANGED -> Optional.of(HAND_OVER);
      case KILLED, PARTITIONED, SUSPENDED -> Optional.of(TAKE_OVER);
      case BROKER, NETWORK, STARVED, REFUSED -> Optional.empty();
    };
  }

  /**
   * A line for each kind of outage, and one more for those among others: they may be as much later
   * as a group waits for another worker.
   *
   * @param isShared whether there are several workers, so that what one loses another takes
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
