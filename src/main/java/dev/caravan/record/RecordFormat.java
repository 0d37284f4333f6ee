// SPDX-License-Identifier: Apache-2.0
package dev.caravan.record;

import dev.caravan.component.CouchbaseDcpMessage;
import org.jspecify.annotations.Nullable;

/**
 * Writes mutations as values of Kafka records. Deletions and expirations are tombstones in every
 * format.
 *
 * <p>Implementations are safe for use by several threads.
 */
public interface RecordFormat {
  /**
   * Returns the value of the record.
   *
   * @param mutation the change, with its document
   * @param topic the topic of the record
   * @throws java.io.UncheckedIOException if the cause is not the document, such as a schema
   *     registry that cannot be reached
   * @throws RuntimeException if the document cannot be converted
   */
  Value write(CouchbaseDcpMessage mutation, String topic);

  /**
   * A record's value.
   *
   * @param bytes the value; must not be modified
   * @param encoding the encoding of the document in the value; null for the format's usual one
   */
  record Value(byte[] bytes, @Nullable String encoding) {}
}
