// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import dev.caravan.stream.change.DcpChange;
import java.util.Map;
import org.apache.camel.CamelContext;
import org.apache.camel.spi.DataType;
import org.apache.camel.support.DefaultMessage;
import org.jspecify.annotations.Nullable;

/**
 * One change of a document. The getters are always there and cheap; headers, named in {@link
 * CouchbaseDcpConstants}, are made when somebody asks for one, and the body, a {@code byte[]}, is
 * inflated when somebody asks for it.
 *
 * <p>The values of the getters never change. Headers and body are those of a Camel message: the
 * route may replace them, from one thread at a time.
 */
public final class CouchbaseDcpMessage extends DefaultMessage {
  private final DcpChange change;
  private boolean bodyGiven;

  CouchbaseDcpMessage(CamelContext context, DcpChange change) {
    super(context);
    this.change = change;
  }

  public EventType getEventType() {
    if (change.isMutation()) {
      return EventType.MUTATION;
    }
    return change.isExpiration() ? EventType.EXPIRATION : EventType.DELETION;
  }

  public String getBucket() {
    return change.bucket();
  }

  public String getScope() {
    return change.scope();
  }

  public String getCollection() {
    return change.collection();
  }

  public String getDocumentId() {
    return change.documentId();
  }

  public int getVbucket() {
    return change.vbucket();
  }

  /** The id of the vBucket's history that the sequence number belongs to. */
  public long getVbuuid() {
    return change.vbuuid();
  }

  /** The change's sequence number in its vBucket, unsigned. */
  public long getSeqno() {
    return change.seqno();
  }

  /** How often the document has been changed, unsigned. */
  public long getRevSeqno() {
    return change.revSeqno();
  }

  public long getCas() {
    return change.cas();
  }

  /**
   * When the document expires, in seconds since the epoch; 0 if never, and for deletions and
   * expirations.
   */
  public long getExpiry() {
    return change.expiry();
  }

  /**
   * The flags that the writing client stored with the document; 0 for deletions and expirations.
   */
  public int getFlags() {
    return change.flags();
  }

  /** Whether Couchbase says that the document is JSON. */
  public boolean isJson() {
    return change.isJson();
  }

  /**
   * The document's extended attributes as JSON by name; empty unless the option {@code xattrs} is
   * on.
   */
  public Map<String, String> getXattrs() {
    return change.xattrs();
  }

  /**
   * The document as Couchbase has it, inflated, without extended attributes; null for deletions and
   * expirations.
   */
  @Override
  protected @Nullable Object createBody() {
    if (bodyGiven || !change.isMutation()) {
      return null;
    }
    bodyGiven = true;
    return change.content();
  }

  @Override
  protected <T> @Nullable T getBody(Class<T> type, Object body) {
    // A message of a batch has no exchange of its own; Camel would convert nothing then.
    return getExchange() == null
        ? typeConverter.tryConvertTo(type, body)
        : super.getBody(type, body);
  }

  @Override
  public void setBody(@Nullable Object body) {
    bodyGiven = true;
    super.setBody(body);
  }

  @Override
  public void setBody(@Nullable Object body, DataType type) {
    bodyGiven = true;
    super.setBody(body, type);
  }

  @Override
  protected boolean isPopulateHeadersSupported() {
    return true;
  }

  @Override
  protected void populateInitialHeaders(Map<String, Object> headers) {
    headers.put(CouchbaseDcpConstants.EVENT_TYPE, getEventType());
    headers.put(CouchbaseDcpConstants.BUCKET, getBucket());
    headers.put(CouchbaseDcpConstants.SCOPE, getScope());
    headers.put(CouchbaseDcpConstants.COLLECTION, getCollection());
    headers.put(CouchbaseDcpConstants.DOCUMENT_ID, getDocumentId());
    headers.put(CouchbaseDcpConstants.VBUCKET, getVbucket());
    headers.put(CouchbaseDcpConstants.VBUUID, getVbuuid());
    headers.put(CouchbaseDcpConstants.SEQNO, getSeqno());
    headers.put(CouchbaseDcpConstants.REV_SEQNO, getRevSeqno());
    headers.put(CouchbaseDcpConstants.CAS, getCas());
    headers.put(CouchbaseDcpConstants.EXPIRY, getExpiry());
    headers.put(CouchbaseDcpConstants.FLAGS, getFlags());
    headers.put(CouchbaseDcpConstants.JSON, isJson());
    if (change.hasXattrs()) {
      headers.put(CouchbaseDcpConstants.XATTRS, getXattrs());
    }
  }
}
