// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** Reading and writing single documents. Stateless. */
final class DocumentCommands implements KvConnection.Commands {
  /** The largest value that a real node takes. */
  static final int MAX_VALUE_LENGTH = 20 * 1024 * 1024;

  private static final int MAX_KEY_LENGTH = 250;
  private static final int STORE_EXTRAS = 8;
  private static final int RELATIVE_EXPIRY_LIMIT = 30 * 24 * 60 * 60;
  private static final byte[] NOTHING = {};

  @Override
  public boolean handle(Session session, Request request) {
    switch (request.opcode()) {
      case Opcode.GET -> get(session, request);
      case Opcode.SET -> store(session, request, VBucket.Mode.SET);
      case Opcode.ADD -> store(session, request, VBucket.Mode.ADD);
      case Opcode.REPLACE -> store(session, request, VBucket.Mode.REPLACE);
      case Opcode.DELETE -> delete(session, request);
      default -> {
        return false;
      }
    }
    return true;
  }

  private static void get(Session session, Request request) {
    VBucket vbucket = vbucket(session, request, 0);
    byte[] key = vbucket == null ? null : key(session, request);
    if (key == null || !session.permits(request, Privilege.READ, "GET")) {
      return;
    }
    if (session.bucket().manifest().collection(Leb128.read(key)) == null) {
      BucketCommands.refuseUnknown(session, request, Status.UNKNOWN_COLLECTION);
      return;
    }
    Item item = vbucket.get(key);
    if (item == null) {
      session.answer(request, Status.KEY_ENOENT);
      return;
    }
    byte[] flags = ByteBuffer.allocate(Integer.BYTES).putInt(item.flags()).array();
    int json = session.has(Feature.JSON) ? item.datatype() & Datatype.JSON : 0;
    boolean asStored = session.has(Feature.SNAPPY) && (item.datatype() & Datatype.XATTR) == 0;
    byte[] value = asStored ? item.value() : Values.body(item);
    int snappy = asStored ? item.datatype() & Datatype.SNAPPY : 0;
    session.send(request, Status.SUCCESS, flags, value, json | snappy, item.cas());
  }

  private static void store(Session session, Request request, VBucket.Mode mode) {
    VBucket vbucket = vbucket(session, request, STORE_EXTRAS);
    byte[] key = vbucket == null ? null : key(session, request);
    if (key == null || !session.permits(request, Privilege.UPSERT, mode.name())) {
      return;
    }
    byte[] value = request.value();
    if (value.length > MAX_VALUE_LENGTH) {
      session.answer(request, Status.E2BIG);
      return;
    }
    int datatype = storedDatatype(session, request, value);
    if (datatype < 0) {
      session.answer(request, Status.EINVAL);
      return;
    }
    if (mode == VBucket.Mode.ADD && request.cas() != 0) {
      session.answer(request, Status.EINVAL);
      return;
    }
    byte[] keyAndValue = Arrays.copyOf(key, key.length + value.length);
    System.arraycopy(value, 0, keyAndValue, key.length, value.length);
    VBucket.Outcome outcome =
        vbucket.write(
            new VBucket.Write(
                mode,
                keyAndValue,
                key.length,
                datatype,
                request.intExtra(0),
                absoluteExpiry(request.intExtra(4)),
                request.preserveTtl(),
                request.cas(),
                request.durable()));
    answer(session, request, outcome);
  }

  /** The datatype of a value by what it holds, or -1 when it isn't what the request says it is. */
  private static int storedDatatype(Session session, Request request, byte[] value) {
    int claimed = request.datatype() & ~Datatype.JSON;
    if ((claimed & ~Datatype.SNAPPY) != 0) {
      return -1;
    }
    if (claimed == Datatype.RAW) {
      return Datatype.isJson(value, 0, value.length) ? Datatype.JSON : Datatype.RAW;
    }
    if (!session.has(Feature.SNAPPY)) {
      return -1;
    }
    try {
      byte[] inflated = Datatype.inflate(value);
      boolean json = Datatype.isJson(inflated, 0, inflated.length);
      return Datatype.SNAPPY | (json ? Datatype.JSON : Datatype.RAW);
    } catch (IOException notSnappy) {
      return -1;
    }
  }

  /** Up to thirty days is from now on, more is a time; as in memcached from the start. */
  private static int absoluteExpiry(int expiry) {
    boolean relative = expiry > 0 && expiry <= RELATIVE_EXPIRY_LIMIT;
    return relative ? (int) (System.currentTimeMillis() / 1000) + expiry : expiry;
  }

  private static void delete(Session session, Request request) {
    VBucket vbucket = vbucket(session, request, 0);
    byte[] key = vbucket == null ? null : key(session, request);
    if (key != null && session.permits(request, Privilege.DELETE, "DELETE")) {
      answer(session, request, vbucket.delete(key, request.cas(), request.durable()));
    }
  }

  private static void answer(Session session, Request request, VBucket.Outcome outcome) {
    if (outcome.status() == Status.UNKNOWN_COLLECTION) {
      BucketCommands.refuseUnknown(session, request, outcome.status());
      return;
    }
    byte[] extras = NOTHING;
    if (outcome.status() == Status.SUCCESS && session.has(Feature.MUTATION_SEQNO)) {
      extras = ByteBuffer.allocate(16).putLong(outcome.vbuuid()).putLong(outcome.seqno()).array();
    }
    session.send(request, outcome.status(), extras, NOTHING, Datatype.RAW, outcome.cas());
  }

  /** The request's vBucket, or null when the request was answered because something is wrong. */
  private static VBucket vbucket(Session session, Request request, int extrasLength) {
    if (session.bucket() == null) {
      session.answer(request, Status.NO_BUCKET);
      return null;
    }
    if (request.extrasLength() != extrasLength || request.keyLength() == 0) {
      session.answer(request, Status.EINVAL);
      return null;
    }
    return BucketCommands.requireVBucket(session, request);
  }

  /** The prefixed key, or null when the request was answered because the key is not well-formed. */
  private static byte[] key(Session session, Request request) {
    byte[] key = request.key();
    int prefix = 0;
    if (session.has(Feature.COLLECTIONS)) {
      prefix = Leb128.length(key);
    } else {
      key = Leb128.prefixed(0, key);
      prefix = 1;
    }
    if (prefix < 0 || key.length == prefix || key.length > prefix + MAX_KEY_LENGTH) {
      session.answer(request, Status.EINVAL);
      return null;
    }
    return key;
  }
}
