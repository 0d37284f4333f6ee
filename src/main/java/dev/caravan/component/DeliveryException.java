// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import dev.caravan.stream.DcpChange;
import dev.caravan.stream.DcpEvent;
import java.util.List;

/**
 * The route failed to deliver one or more changes. The message names them, the cause is the
 * route's.
 */
public final class DeliveryException extends Exception {
  private static final long serialVersionUID = 1L;

  DeliveryException(List<DcpEvent> changes, Throwable cause) {
    super(describe(changes) + " couldn't be delivered: " + cause, cause);
  }

  private static String describe(List<DcpEvent> changes) {
    DcpEvent first = changes.get(0);
    if (changes.size() == 1) {
      return first instanceof DcpChange ? "Document " + name(first) : "A " + name(first);
    }
    return "A batch of "
        + changes.size()
        + " documents, from "
        + name(first)
        + " to "
        + name(changes.get(changes.size() - 1))
        + ",";
  }

  private static String name(DcpEvent change) {
    return (change instanceof DcpChange document ? "'" + document.documentId() + "'" : "rollback")
        + " (bucket '"
        + change.bucket()
        + "', vBucket "
        + change.vbucket()
        + ", seqno "
        + Long.toUnsignedString(change.seqno())
        + ")";
  }
}
