// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.dcp;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Writes one FlatBuffers table, which is all that a collection event needs.
 *
 * <p>It grows from the end of the buffer to its start, as the official builders do, so the bytes
 * are the same as theirs. Fields must be added largest first. Not thread-safe; good for one table.
 *
 * <pre>
 *   offset of the table (4)
 *   vtable: its length (2)  length of the table (2)  for each field its place in the table, or 0 (2)
 *   table: how far before it the vtable is (4)  fields
 *   strings: length (4)  UTF-8  0x00
 * </pre>
 */
final class FlatBuffer {
  private static final int VTABLE_HEADER = 4;

  private final byte[] bytes;
  private final int[] fields;
  private int size;
  private int tableEnd;
  private int alignment = Integer.BYTES;

  /**
   * A table.
   *
   * @param fieldCount how many fields its schema has
   * @param room for all strings, in bytes
   */
  FlatBuffer(int fieldCount, int room) {
    bytes = new byte[64 + fieldCount * 10 + room];
    fields = new int[fieldCount];
  }

  /** Writes a string, before any field, and returns where it is. */
  int string(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    align(Integer.BYTES, utf8.length + 1);
    size += 1 + utf8.length;
    System.arraycopy(utf8, 0, bytes, bytes.length - size, utf8.length);
    push(utf8.length, Integer.BYTES);
    tableEnd = size;
    return size;
  }

  /** Adds a number of some bytes; zero is the default, which is left out. */
  void number(int field, long value, int length) {
    if (value != 0) {
      align(length, 0);
      push(value, length);
      fields[field] = size;
    }
  }

  void reference(int field, int string) {
    align(Integer.BYTES, 0);
    number(field, size - string + Integer.BYTES, Integer.BYTES);
  }

  byte[] finish() {
    align(Integer.BYTES, 0);
    push(0, Integer.BYTES);
    int table = size;
    int count = fields.length;
    while (count > 0 && fields[count - 1] == 0) {
      count--;
    }
    for (int field = count - 1; field >= 0; field--) {
      push(fields[field] == 0 ? 0 : table - fields[field], Short.BYTES);
    }
    push(table - tableEnd, Short.BYTES);
    push(VTABLE_HEADER + count * Short.BYTES, Short.BYTES);
    poke(bytes.length - table, size - table, Integer.BYTES);
    align(alignment, Integer.BYTES);
    push(size - table + Integer.BYTES, Integer.BYTES);
    return Arrays.copyOfRange(bytes, bytes.length - size, bytes.length);
  }

  /** Leaves zeros so that after some more bytes the size is a multiple. */
  private void align(int multiple, int more) {
    alignment = Math.max(alignment, multiple);
    size += -(size + more) & multiple - 1;
  }

  private void push(long value, int length) {
    size += length;
    poke(bytes.length - size, value, length);
  }

  private void poke(int at, long value, int length) {
    for (int i = 0; i < length; i++) {
      bytes[at + i] = (byte) (value >>> (8 * i));
    }
  }
}
