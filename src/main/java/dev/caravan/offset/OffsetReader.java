// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads the offsets of connectors from an offsets topic. Safe for use by several threads. */
@FunctionalInterface
public interface OffsetReader {

  /**
   * The offsets that were last written, by vBucket. Everything is included that was committed
   * before the call. Blocks; may be interrupted.
   *
   * @param generation of the connector's configuration whose offsets alone count; null if all do
   * @throws org.apache.kafka.common.KafkaException if the topic can't be read now
   */
  Map<Integer, Offset> read(
      String connector, String bucket, Set<Integer> vbuckets, @Nullable Long generation);
}
