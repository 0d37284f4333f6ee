// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.dcp;

import dev.caravan.sandbox.kv.store.Item;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** The payload of a collection event as FlatBuffers, which a DCP client can ask for. */
final class FlatBufferPayload {
  /** The version of the payload in a system event. */
  static final int VERSION = 2;

  private static final int UID = 0;
  private static final int SCOPE = 1;
  private static final int COLLECTION = 2;
  private static final int NAME_OF_SCOPE = 2;
  private static final int HAS_MAX_TTL = 3;
  private static final int MAX_TTL = 4;
  private static final int NAME_OF_COLLECTION = 5;
  private static final int FIELDS = 6;

  private FlatBufferPayload() {}

  static byte[] of(Item event) {
    String name = new String(event.key(), StandardCharsets.UTF_8);
    ByteBuffer packed = ByteBuffer.wrap(event.value());
    long uid = packed.getLong();
    int scope = packed.getInt();
    boolean ofCollection = packed.hasRemaining();
    int collection = ofCollection ? packed.getInt() : 0;
    boolean limited = packed.hasRemaining();
    FlatBuffer table = new FlatBuffer(FIELDS, event.keyLength());
    int nameAt = name.isEmpty() ? 0 : table.string(name);
    table.number(UID, uid, Long.BYTES);
    if (!name.isEmpty()) {
      table.reference(ofCollection ? NAME_OF_COLLECTION : NAME_OF_SCOPE, nameAt);
    }
    table.number(MAX_TTL, limited ? packed.getInt() : 0, Integer.BYTES);
    if (ofCollection) {
      table.number(COLLECTION, collection, Integer.BYTES);
    }
    table.number(SCOPE, scope, Integer.BYTES);
    table.number(HAS_MAX_TTL, limited ? 1 : 0, 1);
    return table.finish();
  }
}
