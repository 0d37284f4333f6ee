// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import dev.caravan.stream.change.DcpRollback;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.camel.CamelContext;
import org.apache.camel.support.DefaultMessage;

/**
 * Couchbase had to go back in a vBucket's history, because it has lost changes that the route has
 * seen: {@link #getLost} of them. Comes if the option {@code rollbackEvents} is on, when the
 * vBucket was read again to where it was before.
 *
 * <p>The body is a {@code Map} of the values of the getters, so that a route can write it as JSON;
 * headers are made when somebody asks for one. The values of the getters never change. Headers and
 * body are those of a Camel message: the route may replace them, from one thread at a time.
 */
public final class CouchbaseDcpRollbackMessage extends DefaultMessage {
  private final DcpRollback rollback;

  CouchbaseDcpRollbackMessage(CamelContext context, DcpRollback rollback) {
    super(context);
    this.rollback = rollback;
    setBody(fields());
  }

  private Map<String, Object> fields() {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("event", "rollback");
    fields.put("bucket", getBucket());
    fields.put("vBucket", getVbucket());
    fields.put("fromSeqno", getFromSeqno());
    fields.put("toSeqno", getToSeqno());
    fields.put("oldVbuuid", getOldVbuuid());
    fields.put("newVbuuid", getNewVbuuid());
    fields.put("lost", getLost());
    return fields;
  }

  public String getBucket() {
    return rollback.bucket();
  }

  public int getVbucket() {
    return rollback.vbucket();
  }

  /** The last sequence number that was published of the history that is gone; unsigned. */
  public long getFromSeqno() {
    return rollback.fromSeqno();
  }

  /** The sequence number after which the vBucket was read again, unsigned. */
  public long getToSeqno() {
    return rollback.toSeqno();
  }

  /** The id of the history that is gone. */
  public long getOldVbuuid() {
    return rollback.oldVbuuid();
  }

  /** The id of the history that the vBucket has now. */
  public long getNewVbuuid() {
    return rollback.newVbuuid();
  }

  /**
   * How many changes that were published are not part of the history any more. Exact if they are
   * among the last few hundred of the vBucket; else at least as many.
   */
  public int getLost() {
    return rollback.lost();
  }

  @Override
  protected boolean isPopulateHeadersSupported() {
    return true;
  }

  @Override
  protected void populateInitialHeaders(Map<String, Object> headers) {
    headers.put(CouchbaseDcpConstants.EVENT_TYPE, EventType.ROLLBACK);
    headers.put(CouchbaseDcpConstants.BUCKET, getBucket());
    headers.put(CouchbaseDcpConstants.VBUCKET, getVbucket());
    headers.put(CouchbaseDcpConstants.FROM_SEQNO, getFromSeqno());
    headers.put(CouchbaseDcpConstants.TO_SEQNO, getToSeqno());
    headers.put(CouchbaseDcpConstants.OLD_VBUUID, getOldVbuuid());
    headers.put(CouchbaseDcpConstants.NEW_VBUUID, getNewVbuuid());
    headers.put(CouchbaseDcpConstants.LOST, getLost());
  }
}
