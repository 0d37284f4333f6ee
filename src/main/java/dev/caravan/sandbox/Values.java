// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import java.io.IOException;
import java.util.Arrays;

/** Views of the values of stored items, which were checked when they were stored. */
final class Values {
  private Values() {}

  /** The value with its extended attributes, uncompressed. */
  static byte[] inflated(Item item) {
    byte[] value = item.value();
    if ((item.datatype() & Datatype.SNAPPY) == 0) {
      return value;
    }
    try {
      return Datatype.inflate(value);
    } catch (IOException e) {
      throw new IllegalStateException("a stored value can't be inflated", e);
    }
  }

  /** The value without extended attributes, uncompressed. */
  static byte[] body(Item item) {
    byte[] value = inflated(item);
    return (item.datatype() & Datatype.XATTR) == 0
        ? value
        : Arrays.copyOfRange(value, Xattrs.length(value), value.length);
  }
}
