// SPDX-License-Identifier: Apache-2.0
package dev.caravan.record;

import dev.caravan.component.CouchbaseDcpMessage;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What the headers of a record can tell of a change, by the names that Couchbase's own Kafka
 * connector has for them, and {@link #EVENT}. Values are strings, numbers in decimal, unsigned
 * where Couchbase's are.
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
  /** The vbuuid: the branch of the vBucket's history that the seqno belongs to. */
  PARTITION_UUID("partitionUuid", change -> Long.toUnsignedString(change.getVbuuid())),
  SEQNO("seqno", change -> Long.toUnsignedString(change.getSeqno())),
  /** The revision: how often the document was changed. */
  REV("rev", change -> Long.toUnsignedString(change.getRevSeqno())),
  /** When the document expires, in seconds since the epoch; not there if it never does. */
  EXPIRY("expiry", change -> change.getExpiry() == 0 ? null : Long.toString(change.getExpiry())),
  /** {@code mutation}, {@code deletion} or {@code expiration}. */
  EVENT("event", change -> change.getEventType().name().toLowerCase(Locale.ROOT));

  private final String label;
  private final Function<CouchbaseDcpMessage, @Nullable String> value;

  RecordHeader(String label, Function<CouchbaseDcpMessage, @Nullable String> value) {
    this.label = label;
    this.value = value;
  }

  /** Its name in a configuration, and after the prefix in a record. */
  public String label() {
    return label;
  }

  @Nullable String of(CouchbaseDcpMessage change) {
    return value.apply(change);
  }

  /**
   * Finds it by its name.
   *
   * @throws IllegalArgumentException if there is none of that name; the message has all names
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
