// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos.audit;

import dev.caravan.cli.chaos.audit.ChaosTopic.AuditedRecord;
import dev.caravan.cli.chaos.audit.ChaosWrite.Identity;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Compares the records of a topic with the writes. Records are added in the order of their
 * partitions. Not thread-safe.
 *
 * <p>A failover may lose writes, and a recreated bucket loses all of them. Their records may be
 * missing, and none may follow a record of a later write to the same document. A purge removes
 * deletions that a reader has not read. Only these deletions may be missing.
 */
public final class ChaosAudit {
  /** The number of examples that are kept for the message. */
  private static final int EXAMPLES = 8;

  /**
   * The result of an audit.
   *
   * @param missing documents whose last record is not of their last write
   * @param duplicated records of writes that have an earlier record
   * @param forbidden duplicated records that the guarantee does not allow
   * @param reordered first records of a write after a record of a later write to the same document
   * @param unknown records that belong to no write
   * @param stale documents whose last record is of a write that Couchbase has lost
   * @param purged documents whose deletion was purged before it was read
   */
  public record Findings(
      long records,
      int missing,
      int duplicated,
      int forbidden,
      int reordered,
      int unknown,
      int stale,
      int purged) {
    public boolean isRight() {
      return missing == 0 && forbidden == 0 && reordered == 0 && unknown == 0;
    }
  }

  /**
   * A purge of tombstones.
   *
   * @param writes the number of writes before the purge
   * @param millis the time in milliseconds since the epoch
   */
  public record Purge(int writes, long millis) {}

  /** A write and its place among all writes. */
  private record Placed(ChaosWrite write, int place) {}

  private record PlacedDelivery(int place, long millis) {}

  private final Map<Identity, Placed> written = new HashMap<>();
  private final Map<String, Placed> expected = new HashMap<>();
  private final Map<Identity, AuditedRecord> seen = new HashMap<>();
  private final Map<String, Integer> newest = new HashMap<>();
  private final Map<String, ChaosWrite> last = new HashMap<>();
  private final Map<Integer, List<PlacedDelivery>> deliveries = new HashMap<>();
  private final List<String> examples = new ArrayList<>();
  private final List<Purge> purges;
  private final ChaosDuplicates duplicates;
  private long records;
  private int duplicated;
  private int forbidden;
  private int reordered;
  private int unknown;

  /**
   * @param writes all writes; those to one document are in their order
   * @param duplicates decides which records may be repeated
   */
  public ChaosAudit(List<ChaosWrite> writes, List<Purge> purges, ChaosDuplicates duplicates) {
    this.purges = purges;
    this.duplicates = duplicates;
    for (ChaosWrite write : writes) {
      Placed placed = new Placed(write, written.size());
      written.put(write.identity(), placed);
      if (!write.lost()) {
        expected.put(write.documentId(), placed);
      }
    }
  }

  public void add(AuditedRecord entry) {
    records++;
    Placed placed = written.get(entry.identity());
    if (placed == null) {
      unknown++;
      example("unknown " + entry);
      return;
    }
    ChaosWrite write = placed.write();
    AuditedRecord earlier = seen.put(entry.identity(), entry);
    if (earlier != null) {
      duplicated++;
      if (!duplicates.allows(earlier, entry)) {
        forbidden++;
        example("repeated " + write + ": " + earlier + ", " + entry);
      }
    } else if (newest.getOrDefault(write.documentId(), -1) > placed.place()) {
      reordered++;
      example("reordered " + write + ": " + entry);
    }
    duplicates.delivered(entry);
    if (!write.lost()) {
      newest.merge(write.documentId(), placed.place(), Math::max);
    }
    last.put(write.documentId(), write);
    deliveries
        .computeIfAbsent(write.vbucket(), any -> new ArrayList<>())
        .add(new PlacedDelivery(placed.place(), entry.timestamp()));
  }

  private void example(String text) {
    if (examples.size() < EXAMPLES) {
      examples.add(text);
    }
  }

  /** Compares the last record of each document with its last write. */
  public Findings findings() {
    int missing = 0;
    int stale = 0;
    int purged = 0;
    for (Placed placed : expected.values()) {
      ChaosWrite write = placed.write();
      ChaosWrite delivered = last.get(write.documentId());
      if (write.equals(delivered)) {
        continue;
      }
      if (delivered != null && delivered.lost() && seen.containsKey(write.identity())) {
        stale++;
      } else if (wasPurgedUnread(placed)) {
        purged++;
      } else {
        missing++;
        example("missing " + write + ", the last record is of " + delivered + latest(delivered));
      }
    }
    return new Findings(records, missing, duplicated, forbidden, reordered, unknown, stale, purged);
  }

  private String latest(@Nullable ChaosWrite delivered) {
    return delivered == null ? "" : ": " + Objects.requireNonNull(seen.get(delivered.identity()));
  }

  /** Whether a deletion was purged before any later write of its vBucket was delivered. */
  private boolean wasPurgedUnread(Placed placed) {
    ChaosWrite write = placed.write();
    return write.deletion()
        && !seen.containsKey(write.identity())
        && purges.stream()
            .anyMatch(
                purge ->
                    placed.place() < purge.writes()
                        && deliveries.getOrDefault(write.vbucket(), List.of()).stream()
                            .noneMatch(
                                delivery ->
                                    delivery.place() > placed.place()
                                        && delivery.millis() < purge.millis()));
  }

  /** Some findings, for a message. */
  public List<String> examples() {
    return List.copyOf(examples);
  }
}
