// SPDX-License-Identifier: Apache-2.0
package dev.caravan.record;

import dev.caravan.component.CouchbaseDcpMessage;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The headers of a record that describe its change. The names are those of the official Couchbase
 * connector, except {@link #EVENT}. Values are strings. Numbers are decimal, and unsigned where
 * Couchbase's are.
 */
public enum RecordHeader {
  BUCKET("bucket", CouchbaseDcpMessage::getBucket),
  SCOPE("scope", CouchbaseDcpMessage::getScope),
  COLLECTION("collection", CouchbaseDcpMessage::getCollection),
  /** The document id. */
  KEY("key", CouchbaseDcpMessage::getDocumentId),
  /** Scope, collection and document id, separated by dots. */
  QUALIFIED_KEY(
      "qualifiedKey",
      change -> change.getScope() + "." + change.getCollection() + "." + change.getDocumentId()),
  CAS("cas", change -> Long.toUnsignedString(change.getCas())),
  /** The number of the vBucket. */
  PARTITION("partition", change -> Integer.toString(change.getVbucket())),
  /** The vbuuid: the branch of the vBucket's history to which the seqno belongs. */
  PARTITION_UUID("partitionUuid", change -> Long.toUnsignedString(change.getVbuuid())),
  SEQNO("seqno", change -> Long.toUnsignedString(change.getSeqno())),
  /** The revision: the number of changes of the document. */
  REV("rev", change -> Long.toUnsignedString(change.getRevSeqno())),
  /** The time when the document expires, in seconds since the epoch; absent if it never does. */
  EXPIRY("expiry", change -> change.getExpiry() == 0 ? null : Long.toString(change.getExpiry())),
  /** {@code mutation}, {@code deletion} or {@code expiration}. */
  EVENT("event", change -> change.getEventType().name().toLowerCase(Locale.ROOT));

  private final String label;
  private final Function<CouchbaseDcpMessage, @Nullable String> value;

  RecordHeader(String label, Function<CouchbaseDcpMessage, @Nullable String> value) {
    this.label = label;
    this.value = value;
  }

  /** Returns the name in a configuration, and after the prefix in a record. */
  public String label() {
    return label;
  }

  /** Returns the value for a change; null if the record does not get the header. */
  @Nullable String of(CouchbaseDcpMessage change) {
    return value.apply(change);
  }

  /**
   * Returns the header with this name.
   *
   * @throws IllegalArgumentException if there is no such header; the message has all names
   */
  public static RecordHeader ofLabel(String label) {
    return Arrays.stream(values())
        .filter(header -> header.label.equals(label))
        .findAny()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "\"" + label + "\" is no header; there are " + String.join(", ", labels())));
  }

  private static List<String> labels() {
    return Arrays.stream(values()).map(RecordHeader::label).toList();
  }
}
