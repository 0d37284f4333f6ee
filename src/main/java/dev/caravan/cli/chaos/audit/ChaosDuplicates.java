// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos.audit;

import dev.caravan.cli.chaos.audit.ChaosTopic.Entry;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which records of one connector may be there again, with {@code at_least_once}: a record is
 * delivered again only when
 *
 * <ul>
 *   <li>no offset that covers it was committed since it was delivered, and
 *   <li>there was a fault that touched its vBucket, no longer after it was delivered than offsets
 *       take to be committed.
 * </ul>
 *
 * <p>The first rule doesn't hold across a failover: a process that starts after one knows only the
 * committed offset, not what was delivered below it, and Couchbase may send that again. Not
 * thread-safe.
 */
public final class ChaosDuplicates {
  /** How often offsets are committed, and as long as that takes on a busy machine. */
  static final long COMMIT_MILLIS = 5_000 + 1_500;

  /** By which clocks and timestamps may differ. */
  static final long CLOCK_MILLIS = 200;

  private final String connector;
  private final List<ChaosOutage> outages;
  private final ChaosCommits commits;
  private final List<Long> branches;
  private final Map<ChaosOutage, Count> counts = new LinkedHashMap<>();

  /** Of one fault. */
  private static final class Count {
    private int uncommitted;
    private int duplicated;
    private long firstAgain = Long.MAX_VALUE;
    private long lastAgain;

    void again(long millis) {
      duplicated++;
      firstAgain = Math.min(firstAgain, millis);
      lastAgain = Math.max(lastAgain, millis);
    }

    /** None for a fault that has ended no task. */
    int allowed() {
      return duplicated == 0 ? 0 : Math.max(uncommitted, duplicated);
    }
  }

  /**
   * @param outages in the order of their beginnings; none if nothing may be there again
   * @param commits of this connector
   * @param branches when Couchbase began a new branch of the history of vBuckets
   */
  public ChaosDuplicates(
      String connector, List<ChaosOutage> outages, ChaosCommits commits, List<Long> branches) {
    this.connector = connector;
    this.outages = outages;
    this.commits = commits;
    this.branches = branches;
    outages.forEach(outage -> counts.put(outage, new Count()));
  }

  /** Counts a record, the first of its kind or not, for the faults at which it was uncommitted. */
  void delivered(Entry entry) {
    for (ChaosOutage outage : outages) {
      if (outage.kind().isAbrupt()
          && isInWindow(outage, entry)
          && !commits.covers(entry.identity(), entry.timestamp(), outage.lastDelivery())) {
        count(outage).uncommitted++;
      }
    }
  }

  /** Whether a record may be there once more after an earlier one of the same write. */
  boolean allows(Entry earlier, Entry again) {
    if (again.timestamp() < earlier.timestamp() - CLOCK_MILLIS) {
      // Sent before the other one, and arrived after it: by somebody who has lost the task.
      return false;
    }
    if (!hasBranchedAround(earlier, again)
        && commits.covers(earlier.identity(), earlier.timestamp(), again.timestamp())) {
      return false;
    }
    ChaosOutage cause = null;
    for (ChaosOutage outage : outages) {
      if (outage.start() <= again.timestamp() + CLOCK_MILLIS && isInWindow(outage, earlier)) {
        cause = outage;
      }
    }
    if (cause != null) {
      count(cause).again(again.timestamp());
    }
    return cause != null;
  }

  private boolean isInWindow(ChaosOutage outage, Entry entry) {
    return outage.scope().contains(connector, entry.identity().vbucket())
        && entry.timestamp() >= outage.start() - COMMIT_MILLIS
        && entry.timestamp() <= outage.lastDelivery() + CLOCK_MILLIS;
  }

  private boolean hasBranchedAround(Entry earlier, Entry again) {
    return branches.stream()
        .anyMatch(
            time ->
                time >= earlier.timestamp() - COMMIT_MILLIS
                    && time <= again.timestamp() + CLOCK_MILLIS);
  }

  private Count count(ChaosOutage outage) {
    @Nullable Count count = counts.get(outage);
    if (count == null) {
      throw new IllegalArgumentException("not one of the faults: " + outage);
    }
    return count;
  }

  /** How many duplicates the faults that led to any may have led to, all together. */
  public int allowed() {
    return counts.values().stream().mapToInt(Count::allowed).sum();
  }

  /**
   * Of each fault that led to duplicates: which it is, their number, how many it could be, and when
   * they came.
   */
  public List<String> byFault(long startMillis) {
    List<String> lines = new ArrayList<>();
    counts.forEach(
        (outage, count) -> {
          if (count.duplicated > 0) {
            lines.add(
                String.format(
                    Locale.ROOT,
                    "%s at %.1f s: %d of %d uncommitted, from %.1f s to %.1f s",
                    outage.kind().label(),
                    (outage.start() - startMillis) / 1000.0,
                    count.duplicated,
                    count.allowed(),
                    (count.firstAgain - startMillis) / 1000.0,
                    (count.lastAgain - startMillis) / 1000.0));
          }
        });
    return lines;
  }
}
