// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import dev.caravan.sandbox.kv.auth.Privilege;
import dev.caravan.sandbox.kv.protocol.Datatype;
import dev.caravan.sandbox.kv.protocol.DocumentKey;
import dev.caravan.sandbox.kv.protocol.Feature;
import dev.caravan.sandbox.kv.protocol.RefusedException;
import dev.caravan.sandbox.kv.protocol.Request;
import dev.caravan.sandbox.kv.protocol.Status;
import dev.caravan.sandbox.kv.protocol.Xattrs;
import dev.caravan.sandbox.kv.store.Item;
import dev.caravan.sandbox.kv.store.VBucket;
import dev.caravan.sandbox.kv.store.Write;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * A request about one document that has passed the common checks: it has a bucket, an active
 * vBucket and a well-formed key in a present collection, and the user has the privilege.
 *
 * @param key with its collection prefix
 */
record DocumentRequest(Session session, Request request, VBucket vbucket, byte[] key) {
  private static final int MAX_KEY_LENGTH = 250;
  private static final int RELATIVE_EXPIRY_LIMIT = 30 * 24 * 60 * 60;
  private static final byte[] NOTHING = {};

  /** Makes a write of the present version of a document, which is null when there is none. */
  interface Change {
    Write of(@Nullable Item current) throws RefusedException;
  }

  /** A change that may turn out to be none. */
  interface OptionalChange {
    /** Returns the write, or null when there is nothing to write. */
    @Nullable Write of(@Nullable Item current) throws RefusedException;
  }

  /** Checks a request; returns null when it was answered because something is wrong. */
  static @Nullable DocumentRequest check(
      Session session, Request request, IntPredicate extras, Privilege privilege, String name) {
    if (!session.hasBucket()) {
      session.answer(request, Status.NO_BUCKET);
      return null;
    }
    if (!extras.test(request.extrasLength()) || request.keyLength() == 0) {
      session.answer(request, Status.EINVAL);
      return null;
    }
    VBucket vbucket = session.requireVBucket(request, Session.ACTIVE);
    if (vbucket == null) {
      return null;
    }
    byte[] key = key(session, request);
    if (key == null
        || !session.permitsIn(DocumentKey.collectionId(key), request, privilege, name)) {
      return null;
    }
    return new DocumentRequest(session, request, vbucket, key);
  }

  /** The prefixed key, or null when the request was answered because the key is not well-formed. */
  private static byte @Nullable [] key(Session session, Request request) {
    byte[] key = request.key();
    int prefix = 0;
    if (session.has(Feature.COLLECTIONS)) {
      prefix = DocumentKey.prefixLength(key);
    } else {
      key = DocumentKey.of(0, key);
      prefix = 1;
    }
    if (prefix < 0 || key.length == prefix || key.length > prefix + MAX_KEY_LENGTH) {
      session.answer(request, Status.EINVAL);
      return null;
    }
    return key;
  }

  /** Up to thirty days is relative to now, a larger number is a time, as in memcached. */
  static int absoluteExpiry(int expiry) {
    boolean relative = expiry > 0 && expiry <= RELATIVE_EXPIRY_LIMIT;
    return relative ? (int) (System.currentTimeMillis() / 1000) + expiry : expiry;
  }

  /** The document, or null when it was answered that there is none. */
  @Nullable Item find() {
    Item item = vbucket.get(key);
    if (item == null) {
      session.answer(request, Status.KEY_ENOENT);
    }
    return item;
  }

  /**
   * Changes the document from its present version, again if another writer came in between, unless
   * the request insists on a version.
   */
  VBucket.Outcome change(Change change) {
    return Objects.requireNonNull(changeIfWanted(change::of), "a change always writes");
  }

  /**
   * The same with a change that may turn out to be none.
   *
   * @return how it went, or null when there was nothing to write
   */
  VBucket.@Nullable Outcome changeIfWanted(OptionalChange change) {
    while (true) {
      Item current = vbucket.get(key);
      if (current != null && request.cas() != 0 && request.cas() != current.cas()) {
        return VBucket.Outcome.failed(Status.KEY_EEXISTS);
      }
      try {
        Write write = change.of(current);
        VBucket.Outcome outcome = write == null ? null : vbucket.write(write);
        boolean overtaken =
            outcome != null
                && outcome.status() != Status.SUCCESS
                && vbucket.get(key) != current
                && request.cas() == 0;
        if (!overtaken) {
          return outcome;
        }
      } catch (RefusedException e) {
        return VBucket.Outcome.failed(e.status());
      }
    }
  }

  /**
   * A write of another body over a version of the document, whose extended attributes stay.
   *
   * @param expiry seconds since 1970, 0 for never
   */
  Write rewrite(@Nullable Item current, byte[] body, int flags, int expiry)
      throws RefusedException {
    int json = Datatype.of(body);
    return current != null && current.hasXattrs()
        ? write(
            current,
            Xattrs.withBody(current.inflatedValue(), body),
            json | Datatype.XATTR,
            flags,
            expiry)
        : write(current, body, json, flags, expiry);
  }

  /** A write of a value over a version of the document, or of a new one. */
  Write write(@Nullable Item current, byte[] value, int datatype, int flags, int expiry)
      throws RefusedException {
    if (value.length > Request.MAX_VALUE_LENGTH) {
      throw new RefusedException(Status.E2BIG);
    }
    byte[] keyAndValue = Arrays.copyOf(key, key.length + value.length);
    System.arraycopy(value, 0, keyAndValue, key.length, value.length);
    return new Write(
        current == null ? Write.Mode.ADD : Write.Mode.REPLACE,
        keyAndValue,
        key.length,
        datatype,
        flags,
        expiry,
        request.preserveTtl(),
        current == null ? 0 : current.cas(),
        request.durable());
  }

  /** The uncompressed value that a request carries. */
  byte[] givenValue() throws RefusedException {
    byte[] value = request.value();
    if ((request.datatype() & ~(Datatype.JSON | Datatype.SNAPPY)) != 0) {
      throw new RefusedException(Status.EINVAL);
    }
    if ((request.datatype() & Datatype.SNAPPY) == 0) {
      return value;
    }
    if (!session.has(Feature.SNAPPY)) {
      throw new RefusedException(Status.EINVAL);
    }
    try {
      return Datatype.inflate(value);
    } catch (IOException notSnappy) {
      throw new RefusedException(Status.EINVAL);
    }
  }

  /** Answers with a document: its flags as extras, and its body. */
  void answer(Item item) {
    byte[] flags = ByteBuffer.allocate(Integer.BYTES).putInt(item.flags()).array();
    int json = session.has(Feature.JSON) ? item.datatype() & Datatype.JSON : 0;
    boolean asStored = session.has(Feature.SNAPPY) && !item.hasXattrs();
    byte[] value = asStored ? item.value() : item.body();
    int snappy = asStored ? item.datatype() & Datatype.SNAPPY : 0;
    session.send(request, Status.SUCCESS, flags, value, json | snappy, item.cas());
  }

  void answer(VBucket.Outcome outcome) {
    answer(outcome, outcome.status(), NOTHING);
  }

  /**
   * Answers the result of a write with a value, and with its vbuuid and seqno if the client asked
   * for them.
   */
  void answer(VBucket.Outcome outcome, Status status, byte[] value) {
    if (outcome.status() == Status.UNKNOWN_COLLECTION) {
      session.refuseUnknown(request, outcome.status());
      return;
    }
    byte[] extras = NOTHING;
    if (outcome.status() == Status.SUCCESS && session.has(Feature.MUTATION_SEQNO)) {
      extras = ByteBuffer.allocate(16).putLong(outcome.vbuuid()).putLong(outcome.seqno()).array();
    }
    session.send(request, status, extras, value, Datatype.RAW, outcome.cas());
  }
}
