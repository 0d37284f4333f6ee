// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads the offsets of connectors from an offsets topic. Safe for use by several threads. */
@FunctionalInterface
public interface OffsetReader {

  /**
   * Returns the last offsets by vBucket, including all that were committed before the call. Blocks;
   * may be interrupted.
   *
   * @param generation the config generation whose offsets are read; null for all
   * @throws org.apache.kafka.common.KafkaException if the topic cannot be read now
   */
  Map<Integer, Offset> read(
      String connector, String bucket, Set<Integer> vbuckets, @Nullable Long generation);
}
