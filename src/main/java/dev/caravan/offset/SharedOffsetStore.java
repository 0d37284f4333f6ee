// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

/**
 * Stores the offsets of several owners, for example in a file or a topic. An owner is a route or a
 * connector.
 *
 * <p>Implementations are safe for use by several threads. The caller ensures that only one consumer
 * uses an owner's offsets.
 */
@FunctionalInterface
public interface SharedOffsetStore {

  /**
   * Returns the store of one owner. Never blocks, and does not check that the offsets can be read.
   *
   * @param owner the key of the owner, under which its offsets are stored
   */
  OffsetStore of(String owner);
}
