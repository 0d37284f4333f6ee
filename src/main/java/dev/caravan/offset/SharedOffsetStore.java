// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

/**
 * A place that keeps the offsets of several owners apart, such as a file or a topic. An owner is a
 * route, or a connector.
 *
 * <p>Implementations are safe for use by several threads. They need not care whether an owner's
 * offsets are in use already: whoever asks for them does.
 */
@FunctionalInterface
public interface SharedOffsetStore {

  /**
   * The offsets of one owner. Returns at once; whether they can be read is known when they are.
   *
   * @param owner the owner's key. Its offsets are found again by the same key only
   */
  OffsetStore of(String owner);
}
