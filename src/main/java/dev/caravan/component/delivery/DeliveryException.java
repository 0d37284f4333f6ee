// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component.delivery;

import dev.caravan.stream.change.DcpChange;
import dev.caravan.stream.change.DcpEvent;
import java.util.List;
import org.apache.camel.Message;
import org.jspecify.annotations.Nullable;

/**
 * The route failed to deliver one or more changes. The message names them, the cause is the
 * route's.
 */
public final class DeliveryException extends Exception {
  private static final long serialVersionUID = 1L;

  /**
   * @param messages what the route made of the changes, if it is still known
   */
  DeliveryException(List<DcpEvent> changes, @Nullable Object messages, Throwable cause) {
    super(describe(culprit(changes, messages, cause)) + " couldn't be delivered: " + cause, cause);
  }

  /** The one change that a failure is about, or all if it doesn't say. */
  private static List<DcpEvent> culprit(
      List<DcpEvent> changes, @Nullable Object messages, Throwable failure) {
    if (messages instanceof List<?> batch && batch.size() == changes.size()) {
      for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
        if (cause instanceof RecordRefusedException refused) {
          for (int i = 0; i < changes.size(); i++) {
            if (changes.get(i) instanceof DcpChange change
                && batch.get(i) instanceof Message message
                && refused.isAbout(change.documentId(), message.getBody())) {
              return List.of(change);
            }
          }
        }
      }
    }
    return changes;
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
