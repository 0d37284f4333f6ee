// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.persistence;

/**
 * How far each copy of one vBucket is persisted, as the nodes have said since the cluster map was
 * made. Not thread-safe.
 *
 * <p>The seqno that is persisted on all copies is known only after each has answered, and while all
 * have the same history: after a failover, a copy with another vbuuid may have other changes under
 * the same seqnos.
 */
final class PersistedCopies {
  private static final class Copy {
    private boolean isAbsent;
    private boolean isAsked;
    private boolean isKnown;
    private long notBeforeNanos;
    private long vbuuid;
    private long seqno;
  }

  private final Copy[] copies;

  PersistedCopies(int count, long nowNanos) {
    copies = new Copy[count];
    for (int i = 0; i < count; i++) {
      copies[i] = new Copy();
      copies[i].notBeforeNanos = nowNanos;
    }
  }

  int count() {
    return copies.length;
  }

  /** No node has this copy, so that nothing can be lost with it. */
  void absent(int copy) {
    copies[copy].isAbsent = true;
  }

  /** Whether to ask the node of a copy now: no answer is awaited, and the last was no refusal. */
  boolean mayAsk(int copy, long nowNanos) {
    Copy asked = copies[copy];
    return !asked.isAsked && nowNanos - asked.notBeforeNanos >= 0;
  }

  /**
   * Notes that the node of a copy is being asked.
   *
   * @param vbuuid of the stream, for a copy whose own is not known
   * @return the vbuuid to ask for
   */
  long ask(int copy, long vbuuid) {
    copies[copy].isAsked = true;
    return copies[copy].isKnown ? copies[copy].vbuuid : vbuuid;
  }

  void answered(int copy, long vbuuid, long seqno) {
    copies[copy].isAsked = false;
    copies[copy].isKnown = true;
    copies[copy].vbuuid = vbuuid;
    copies[copy].seqno = seqno;
  }

  /** The node doesn't know this copy, or not in this history, or has no time. */
  void refused(int copy, long notBeforeNanos) {
    copies[copy].isAsked = false;
    copies[copy].isKnown = false;
    copies[copy].notBeforeNanos = notBeforeNanos;
  }

  /** The last seqno that is persisted on all copies, unsigned; 0 while that is not known. */
  long everywhere() {
    long vbuuid = 0;
    long seqno = -1L;
    boolean isAnyPresent = false;
    for (Copy copy : copies) {
      if (copy.isAbsent) {
        continue;
      }
      if (!copy.isKnown || (isAnyPresent && copy.vbuuid != vbuuid)) {
        return 0;
      }
      isAnyPresent = true;
      vbuuid = copy.vbuuid;
      seqno = Long.compareUnsigned(copy.seqno, seqno) < 0 ? copy.seqno : seqno;
    }
    return isAnyPresent ? seqno : 0;
  }
}
