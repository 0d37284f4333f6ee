// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.protocol;

/** The flags of a stream request. */
public record StreamFlags(int bits) {
  private static final int DISK_ONLY = 0x02;
  private static final int TO_LATEST = 0x04;
  private static final int ACTIVE_ONLY = 0x10;
  private static final int STRICT_VBUUID = 0x20;
  private static final int IGNORE_PURGED = 0x80;
  private static final int KNOWN =
      DISK_ONLY | TO_LATEST | ACTIVE_ONLY | STRICT_VBUUID | IGNORE_PURGED;

  public boolean areKnown() {
    return (bits & ~KNOWN) == 0;
  }

  /** The stream ends after what is there when it is opened. */
  public boolean diskOnly() {
    return (bits & DISK_ONLY) != 0;
  }

  /** The stream ends at the high seqno of when it is opened, whatever end was asked for. */
  public boolean toLatest() {
    return (bits & TO_LATEST) != 0;
  }

  /** Only an active vBucket may be streamed. */
  public boolean activeOnly() {
    return (bits & ACTIVE_ONLY) != 0;
  }

  /** An unknown vbuuid rolls back even at seqno 0. */
  public boolean strictVbuuid() {
    return (bits & STRICT_VBUUID) != 0;
  }

  /** The stream may start before the purge seqno, although deletions may be missing. */
  public boolean ignorePurged() {
    return (bits & IGNORE_PURGED) != 0;
  }
}
