// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.rollback;

import dev.caravan.offset.Offset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Decides what is published when a vBucket is read again after a rollback: what is still true and
 * was published is not published a second time, and nothing else is left out.
 *
 * <p>A seqno alone never decides. A snapshot has holes: a change that a newer version of its key
 * superseded was never sent. If the failover lost the newer version, the older one is the truth and
 * must be published, although its seqno is below what was published.
 *
 * <p>What is known from before the rollback: the offset that Couchbase refused, which holds the
 * last published seqno Y and the clean point C, and the last published changes, M. A change with a
 * seqno of at most Y is left out only if
 *
 * <ol>
 *   <li>it is the last published change of its key: the same seqno and the same CAS; or
 *   <li>a later change of its key was published, and that one is part of the history still: its
 *       seqno is at most F; or
 *   <li>nothing is known of its key, but all up to Y is part of the history still, and the change
 *       is at or before the clean point, up to which every key was published.
 * </ol>
 *
 * F is the seqno where the two histories part: that of the entry of the failover log that follows
 * the refused history. The server may have more than that of it. If it doesn't know the refused
 * history, it may still know one that this began in. Without any, there is no F, and only the first
 * rule counts.
 *
 * <p>It lasts until a change after Y arrives, or a snapshot ends at or beyond what the vBucket had
 * when it was opened again. The committed offset stays the refused one for as long, so that whoever
 * asks with it after a crash gets the same answer. But once an older version of a document was
 * published, that answer might come too late, if the history has changed again by then; so the
 * offset is then that where the re-read began.
 *
 * <p>Not thread-safe: guarded by the lock of the vBucket's stream, except for {@link #refused},
 * {@link #history} and {@link #committable}.
 */
public final class Reread {
  /** Which history a published change is of. */
  private enum Origin {
    /** The refused one. */
    REFUSED,
    /** One that an earlier rollback has ended, after the change. */
    LOST,
    /** The one that is read again. */
    REREAD
  }

  /** The last published change of a key, or one that was before the rollback. */
  private static final class Published {
    private final long keyHash;
    private final long seqno;
    private final long cas;

    private Origin origin = Origin.REFUSED;

    /** Whether it was read again. */
    private boolean isBack;

    Published(long keyHash, long seqno, long cas) {
      this.keyHash = keyHash;
      this.seqno = seqno;
      this.cas = cas;
    }

    boolean is(long otherHash, long otherSeqno, long otherCas) {
      return keyHash == otherHash && seqno == otherSeqno && cas == otherCas;
    }

    boolean isAfter(long otherSeqno) {
      return Long.compareUnsigned(seqno, otherSeqno) > 0;
    }
  }

  private final Offset refused;
  private final FailoverHistory history;
  private final long startMark;
  private final Map<Long, Published> before = new HashMap<>();
  private final Map<Long, Published> lastBefore = new HashMap<>();
  private final Map<Long, Published> last = new HashMap<>();
  private final List<Published> still = new ArrayList<>();
  private volatile Offset committable;
  private long fromSeqno;
  private boolean hasPublished;
  private @Nullable Long commonSeqno;

  /** The history of the last answer, and up to where it is that of all answers before. */
  private @Nullable FailoverHistory rereadHistory;

  private long rereadCommonSeqno = -1;
  private long targetSeqno;

  /**
   * @param refused the offset of the last published change, which Couchbase refused
   * @param history that the offset is of
   * @param published the last published changes of the vBucket
   * @param unfinished an earlier re-read after the same offset, a part of which is among them; null
   *     if there was none
   */
  public Reread(
      Offset refused,
      FailoverHistory history,
      RecentChanges published,
      @Nullable Reread unfinished) {
    this.refused = refused;
    this.committable = refused;
    this.fromSeqno = refused.bySeqno();
    if (unfinished == null) {
      this.startMark = published.mark();
    } else {
      this.startMark = unfinished.startMark;
      this.hasPublished = unfinished.hasPublished;
      this.rereadHistory = unfinished.rereadHistory;
      this.rereadCommonSeqno = unfinished.rereadCommonSeqno;
    }
    this.history = history;
    this.targetSeqno = refused.bySeqno();
    published.forEach(
        new RecentChanges.Visitor() {
          @Override
          public void change(long index, long keyHash, long seqno, long cas) {
            Published change = new Published(keyHash, seqno, cas);
            change.origin = index < startMark ? Origin.REFUSED : Origin.REREAD;
            before.put(seqno, change);
            lastBefore.put(keyHash, change);
          }

          @Override
          public void lost(long afterSeqno) {
            before.values().removeIf(change -> change.isAfter(afterSeqno));
            lastBefore.values().stream()
                .filter(change -> change.isAfter(afterSeqno))
                .forEach(change -> change.origin = Origin.LOST);
          }
        });
    last.putAll(lastBefore);
  }

  /** The offset that Couchbase refused. */
  public Offset refused() {
    return refused;
  }

  /** The offset to commit while the re-read lasts. Safe for use by several threads. */
  public Offset committable() {
    return committable;
  }

  private Offset begin() {
    return fromSeqno == 0
        ? new Offset(0, 0, 0, 0, 0)
        : new Offset(refused.vbuuid(), fromSeqno, fromSeqno, fromSeqno, 0);
  }

  /** The history that the refused offset is of. */
  public FailoverHistory history() {
    return history;
  }

  /** The lowest seqno after which the vBucket is read again, unsigned. */
  public long fromSeqno() {
    return fromSeqno;
  }

  /** The history that the vBucket has now; only once {@link #accepted}. */
  public long newVbuuid() {
    return rereadHistory == null ? 0 : rereadHistory.vbuuid();
  }

  /** Couchbase asks to read again after this seqno. May come more than once. */
  public void from(long seqno) {
    if (Long.compareUnsigned(seqno, fromSeqno) < 0) {
      fromSeqno = seqno;
    }
    if (hasPublished) {
      committable = begin();
    }
    before.values().stream()
        .filter(change -> change.isAfter(seqno))
        .forEach(change -> change.isBack = false);
    still.removeIf(change -> change.isAfter(seqno));
  }

  /** Couchbase has opened the stream, with this history. */
  public void accepted(FailoverHistory now) {
    commonSeqno = history.commonSeqno(now);
    if (rereadHistory != null) {
      Long common = rereadHistory.commonSeqno(now);
      if (common == null) {
        rereadCommonSeqno = 0;
      } else if (Long.compareUnsigned(common, rereadCommonSeqno) < 0) {
        rereadCommonSeqno = common;
      }
    }
    rereadHistory = now;
  }

  /**
   * Notes how far the vBucket went when it was opened again; a snapshot that ends there is the last
   * one to read again.
   */
  public void highSeqno(long seqno) {
    targetSeqno = isBeyond(seqno) ? refused.bySeqno() : seqno;
  }

  /** Whether the re-read is over once all up to this seqno, where a snapshot ends, is read. */
  public boolean isOverAt(long snapshotEndSeqno) {
    return Long.compareUnsigned(snapshotEndSeqno, targetSeqno) >= 0;
  }

  /** Whether a change comes after all that was published before the rollback. */
  public boolean isBeyond(long seqno) {
    return Long.compareUnsigned(seqno, refused.bySeqno()) > 0;
  }

  /**
   * Whether a change of the re-read was published already, or a later one of its key that is still
   * true. Any other is to be published.
   */
  public boolean isPublished(long keyHash, long seqno, long cas) {
    if (isBeyond(seqno)) {
      return false;
    }
    Published same = before.get(seqno);
    if (same != null && same.is(keyHash, seqno, cas)) {
      same.isBack = true;
    }
    boolean result = wasPublished(keyHash, seqno, cas);
    Published known = last.get(keyHash);
    if (!result) {
      known = new Published(keyHash, seqno, cas);
      known.origin = Origin.REREAD;
      last.put(keyHash, known);
      hasPublished = true;
      committable = begin();
    }
    if (known != null && known.is(keyHash, seqno, cas)) {
      still.add(known);
    }
    return result;
  }

  private boolean wasPublished(long keyHash, long seqno, long cas) {
    Published known = last.get(keyHash);
    if (known != null) {
      return known.is(keyHash, seqno, cas) || (!isBefore(known, seqno) && isStillTrue(known));
    }
    return Long.compareUnsigned(seqno, refused.snapshotStartSeqno()) <= 0
        && isCommon(refused.bySeqno());
  }

  private boolean isStillTrue(Published change) {
    return switch (change.origin) {
      case REFUSED -> isCommon(change.seqno);
      case LOST -> false;
      case REREAD -> !change.isAfter(rereadCommonSeqno);
    };
  }

  private static boolean isBefore(Published known, long seqno) {
    return Long.compareUnsigned(known.seqno, seqno) < 0;
  }

  private boolean isCommon(long seqno) {
    return commonSeqno != null && Long.compareUnsigned(seqno, commonSeqno) <= 0;
  }

  /**
   * How many of the known published changes Couchbase has lost: those after F that did not come
   * back, unless a later change of their key did. To be asked at the end of the re-read.
   */
  public int lost() {
    int lost = 0;
    for (Published change : before.values()) {
      Published newest = lastBefore.get(change.keyHash);
      boolean isSuperseded = newest != null && newest.isBack && isBefore(change, newest.seqno);
      if (!change.isBack && !isSuperseded && change.isAfter(fromSeqno) && !isCommon(change.seqno)) {
        lost++;
      }
    }
    return lost;
  }

  /** At the end of the re-read: notes among the published changes which of them are lost. */
  public void conclude(RecentChanges published, long cleanSeqno) {
    if (isCommon(refused.bySeqno())) {
      return;
    }
    long common = commonSeqno == null ? fromSeqno : commonSeqno;
    published.lose(common, cleanSeqno);
    for (Published change : still) {
      if (change.isAfter(common)) {
        published.add(change.keyHash, change.seqno, change.cas, cleanSeqno);
      }
    }
  }
}
