// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos.audit;

import dev.caravan.cli.chaos.audit.ChaosTopic.AuditedRecord;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Decides which records of a connector with {@code at_least_once} may be repeated. A record may be
 * repeated only if
 *
 * <ul>
 *   <li>no offset that covers it was committed after its delivery, and
 *   <li>a fault touched its vBucket within the commit interval after its delivery.
 * </ul>
 *
 * <p>The first rule does not apply across a failover. A process that starts after a failover knows
 * the committed offset, but not the records that were delivered below it, and Couchbase may send
 * those changes again. Not thread-safe.
 */
public final class ChaosDuplicates {
  /** The commit interval, plus the time of a commit on a busy machine. */
  static final long COMMIT_MILLIS = 5_000 + 1_500;

  /** The tolerance for clocks and timestamps. */
  static final long CLOCK_MILLIS = 200;

  private final String connector;
  private final List<ChaosOutage> outages;
  private final ChaosCommits commits;
  private final List<Long> branches;
  private final Map<ChaosOutage, Count> counts = new LinkedHashMap<>();

  /** The counts of one fault. */
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

    /** The number of records that this fault may repeat; 0 if it repeated none. */
    int allowed() {
      return duplicated == 0 ? 0 : Math.max(uncommitted, duplicated);
    }
  }

  /**
   * @param outages in the order of their start; empty if no record may be repeated
   * @param commits the commits of this connector
   * @param branches the times of new branches in the history of vBuckets
   */
  public ChaosDuplicates(
      String connector, List<ChaosOutage> outages, ChaosCommits commits, List<Long> branches) {
    this.connector = connector;
    this.outages = outages;
    this.commits = commits;
    this.branches = branches;
    outages.forEach(outage -> counts.put(outage, new Count()));
  }

  /** Counts a record for each fault during which it was uncommitted. */
  void delivered(AuditedRecord entry) {
    for (ChaosOutage outage : outages) {
      if (outage.kind().isAbrupt()
          && isInWindow(outage, entry)
          && !commits.covers(entry.identity(), entry.timestamp(), outage.lastDelivery())) {
        count(outage).uncommitted++;
      }
    }
  }

  /** Whether a record may repeat an earlier record of the same write. */
  boolean allows(AuditedRecord earlier, AuditedRecord again) {
    if (again.timestamp() < earlier.timestamp() - CLOCK_MILLIS) {
      // Sent before the other record and arrived after it, from a worker that has lost the task.
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

  private boolean isInWindow(ChaosOutage outage, AuditedRecord entry) {
    return outage.scope().contains(connector, entry.identity().vbucket())
        && entry.timestamp() >= outage.start() - COMMIT_MILLIS
        && entry.timestamp() <= outage.lastDelivery() + CLOCK_MILLIS;
  }

  private boolean hasBranchedAround(AuditedRecord earlier, AuditedRecord again) {
    return branches.stream()
        .anyMatch(
            time ->
                time >= earlier.timestamp() - COMMIT_MILLIS
                    && time <= again.timestamp() + CLOCK_MILLIS);
  }

  private Count count(ChaosOutage outage) {
    @Nullable Count count = counts.get(outage);
    if (count == null) {
      throw new IllegalArgumentException("The outage is unknown: " + outage);
    }
    return count;
  }

  /** The number of records that may be repeated, over all faults that repeated any. */
  public int allowed() {
    return counts.values().stream().mapToInt(Count::allowed).sum();
  }

  /**
   * A line for each fault that repeated records: its kind, the number of repeated and of
   * uncommitted records, and the time range of the repeated ones.
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
