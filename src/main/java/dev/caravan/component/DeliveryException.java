// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import dev.caravan.stream.DcpChange;
import java.util.List;

/**
 * The route failed to deliver one or more changes. The message names them, the cause is the
 * route's.
 */
public final class DeliveryException extends Exception {
  private static final long serialVersionUID = 1L;

  DeliveryException(List<DcpChange> changes, Throwable cause) {
    super(describe(changes) + " couldn't be delivered: " + cause, cause);
  }

  private static String describe(List<DcpChange> changes) {
    DcpChange first = changes.get(0);
    if (changes.size() == 1) {
      return "Document " + name(first);
    }
    return "A batch of "
        + changes.size()
        + " documents, from "
        + name(first)
        + " to "
        + name(changes.get(changes.size() - 1))
        + ",";
  }

  private static String name(DcpChange change) {
    return "'"
        + change.documentId()
        + "' (bucket '"
        + change.bucket()
        + "', vBucket "
        + change.vbucket()
        + ", seqno "
        + Long.toUnsignedString(change.seqno())
        + ")";
  }
}
