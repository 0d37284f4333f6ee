// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component.delivery;

import org.jspecify.annotations.Nullable;

/**
 * The end of a route refused one message of a batch: the consumer finds out from this which change
 * that was, and names it.
 */
public final class RecordRefusedException extends Exception {
  private static final long serialVersionUID = 1L;

  private final String documentId;
  private final transient @Nullable Object body;

  /**
   * @param documentId the id of the document that the message was made of
   * @param body the very body of the message
   * @param cause why it was refused
   */
  public RecordRefusedException(String documentId, @Nullable Object body, Throwable cause) {
    super(
        "Kafka refused the record of document '" + documentId + "': " + cause.getMessage(), cause);
    this.documentId = documentId;
    this.body = body;
  }

  boolean isAbout(String id, @Nullable Object messageBody) {
    return documentId.equals(id) && body == messageBody;
  }
}
