// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import org.apache.camel.spi.Metadata;

/**
 * Names of the headers of a {@link CouchbaseDcpMessage} and a {@link CouchbaseDcpRollbackMessage}.
 */
public final class CouchbaseDcpConstants {
  @Metadata(
      label = "consumer",
      description = "What happened to the document.",
      javaType = "dev.caravan.component.EventType")
  public static final String EVENT_TYPE = "CamelCouchbaseDcpEventType";

  @Metadata(label = "consumer", description = "The name of the bucket.", javaType = "String")
  public static final String BUCKET = "CamelCouchbaseDcpBucket";

  @Metadata(
      label = "consumer",
      description = "The name of the document's scope.",
      javaType = "String")
  public static final String SCOPE = "CamelCouchbaseDcpScope";

  @Metadata(
      label = "consumer",
      description = "The name of the document's collection.",
      javaType = "String")
  public static final String COLLECTION = "CamelCouchbaseDcpCollection";

  @Metadata(label = "consumer", description = "The document's id.", javaType = "String")
  public static final String DOCUMENT_ID = "CamelCouchbaseDcpDocumentId";

  @Metadata(
      label = "consumer",
      description = "The number of the vBucket that the document is in.",
      javaType = "Integer")
  public static final String VBUCKET = "CamelCouchbaseDcpVbucket";

  @Metadata(
      label = "consumer",
      description = "The id of the vBucket's history that the sequence number belongs to.",
      javaType = "Long")
  public static final String VBUUID = "CamelCouchbaseDcpVbuuid";

  @Metadata(
      label = "consumer",
      description = "The change's sequence number in its vBucket (unsigned).",
      javaType = "Long")
  public static final String SEQNO = "CamelCouchbaseDcpSeqno";

  @Metadata(
      label = "consumer",
      description = "How often the document has been changed (unsigned).",
      javaType = "Long")
  public static final String REV_SEQNO = "CamelCouchbaseDcpRevSeqno";

  @Metadata(
      label = "consumer",
      description = "The document's CAS value after the change.",
      javaType = "Long")
  public static final String CAS = "CamelCouchbaseDcpCas";

  @Metadata(
      label = "consumer",
      description = "When the document expires, in seconds since the epoch; 0 if never.",
      javaType = "Long")
  public static final String EXPIRY = "CamelCouchbaseDcpExpiry";

  @Metadata(
      label = "consumer",
      description = "The flags that the writing client stored with the document.",
      javaType = "Integer")
  public static final String FLAGS = "CamelCouchbaseDcpFlags";

  @Metadata(
      label = "consumer",
      description = "Whether Couchbase says that the document is JSON.",
      javaType = "Boolean")
  public static final String JSON = "CamelCouchbaseDcpJson";

  @Metadata(
      label = "consumer",
      description =
          "The document's extended attributes as JSON by name, if the option xattrs is on and the document has any.",
      javaType = "Map")
  public static final String XATTRS = "CamelCouchbaseDcpXattrs";

  @Metadata(
      label = "consumer",
      description =
          "Of a rollback: the last sequence number that was published of the history that is gone (unsigned).",
      javaType = "Long")
  public static final String FROM_SEQNO = "CamelCouchbaseDcpFromSeqno";

  @Metadata(
      label = "consumer",
      description =
          "Of a rollback: the sequence number after which the vBucket was read again (unsigned).",
      javaType = "Long")
  public static final String TO_SEQNO = "CamelCouchbaseDcpToSeqno";

  @Metadata(
      label = "consumer",
      description = "Of a rollback: the id of the history that is gone.",
      javaType = "Long")
  public static final String OLD_VBUUID = "CamelCouchbaseDcpOldVbuuid";

  @Metadata(
      label = "consumer",
      description = "Of a rollback: the id of the history that the vBucket has now.",
      javaType = "Long")
  public static final String NEW_VBUUID = "CamelCouchbaseDcpNewVbuuid";

  @Metadata(
      label = "consumer",
      description =
          "Of a rollback: how many changes that were published are not part of the history any more.",
      javaType = "Integer")
  public static final String LOST = "CamelCouchbaseDcpLost";

  private CouchbaseDcpConstants() {}
}
