// SPDX-License-Identifier: Apache-2.0
package dev.caravan.record;

import dev.caravan.component.CouchbaseDcpMessage;
import org.jspecify.annotations.Nullable;

/**
 * How a mutation is written as the value of a Kafka record. Deletions and expirations never come
 * here: they are tombstones in every format.
 *
 * <p>Implementations are safe for use by several threads.
 */
public interface RecordFormat {
  /**
   * The value of the record.
   *
   * @param mutation the change, with its document
   * @param topic the topic that the record goes to
   */
  Value write(CouchbaseDcpMessage mutation, String topic);

  /**
   * A record's value.
   *
   * @param bytes the value; not changed after this
   * @param encoding how the document is encoded in the value where the format alone does not tell;
   *     null where it does
   */
  record Value(byte[] bytes, @Nullable String encoding) {}
}
