// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component.delivery;

import dev.caravan.stream.change.DcpEvent;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The changes of an exchange that failed, until the next loop has delivered them: only then is the
 * failure overcome, whatever else the loop delivers before. Thread-safe.
 */
public final class FailedChanges {
  private record Vbucket(String bucket, int vbucket) {}

  private final Map<Vbucket, Long> seqnos = new HashMap<>();

  FailedChanges(List<DcpEvent> changes) {
    changes.forEach(change -> seqnos.put(of(change), change.seqno()));
  }

  private static Vbucket of(DcpEvent change) {
    return new Vbucket(change.bucket(), change.vbucket());
  }

  /** Notes what was delivered since; changes of a vBucket come in their order. */
  synchronized void delivered(List<DcpEvent> changes) {
    if (seqnos.isEmpty()) {
      return;
    }
    for (DcpEvent change : changes) {
      seqnos.computeIfPresent(
          of(change),
          (vbucket, failed) -> Long.compareUnsigned(change.seqno(), failed) < 0 ? failed : null);
    }
  }

  synchronized boolean areDelivered() {
    return seqnos.isEmpty();
  }
}
