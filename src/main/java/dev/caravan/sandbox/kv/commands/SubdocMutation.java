// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import dev.caravan.sandbox.kv.protocol.Datatype;
import dev.caravan.sandbox.kv.protocol.RefusedException;
import dev.caravan.sandbox.kv.protocol.Status;
import dev.caravan.sandbox.kv.store.Item;
import dev.caravan.sandbox.kv.store.VBucket;
import dev.caravan.sandbox.kv.store.Write;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A subdocument mutation: all of its operations succeed, or nothing changes. Used by one thread.
 *
 * <pre>
 *   extras: expiry (4, if wanted)  flags of the document (1, if any)
 *   answer: of each operation that has a value index (1) status (2) length (4) value,
 *           or of the one that failed index (1) status (2)
 * </pre>
 */
final class SubdocMutation implements DocumentRequest.OptionalChange {
  private static final int MAKE_DOCUMENT = 0x01;
  private static final int ADD_DOCUMENT = 0x02;
  private static final byte[] NOTHING = {};

  private final DocumentRequest asked;
  private final List<SubdocOperation> operations;
  private final List<byte[]> results = new ArrayList<>();
  private Status failure = Status.SUCCESS;

  SubdocMutation(DocumentRequest asked, List<SubdocOperation> operations) {
    this.asked = asked;
    this.operations = operations;
  }

  void run() {
    VBucket.Outcome outcome = asked.changeIfWanted(this);
    if (outcome == null) {
      byte[] failed =
          ByteBuffer.allocate(3)
              .put((byte) results.size())
              .putShort((short) failure.code())
              .array();
      asked
          .session()
          .send(
              asked.request(), Status.SUBDOC_MULTI_PATH_FAILURE, NOTHING, failed, Datatype.RAW, 0);
    } else {
      boolean done = outcome.status() == Status.SUCCESS;
      asked.answer(outcome, outcome.status(), done ? results() : NOTHING);
    }
  }

  /**
   * The write of the changed document, or null when an operation failed: the one after the results.
   */
  @Override
  public @Nullable Write of(@Nullable Item current) throws RefusedException {
    results.clear();
    SubdocDocument document = document(current);
    for (SubdocOperation operation : operations) {
      try {
        results.add(document.mutate(operation));
      } catch (RefusedException e) {
        failure = e.status();
        return null;
      }
    }
    return asked.write(
        current,
        document.value(),
        document.datatype(),
        current == null ? 0 : current.flags(),
        expiry(current));
  }

  private SubdocDocument document(@Nullable Item current) throws RefusedException {
    int flags = documentFlags();
    if ((flags & ~(MAKE_DOCUMENT | ADD_DOCUMENT)) != 0) {
      throw new RefusedException(Status.NOT_SUPPORTED);
    }
    if (current == null && flags == 0) {
      throw new RefusedException(Status.KEY_ENOENT);
    }
    if (current != null && (flags & ADD_DOCUMENT) != 0) {
      throw new RefusedException(Status.KEY_EEXISTS);
    }
    return current == null
        ? SubdocDocument.empty()
        : SubdocDocument.of(current, asked.vbucket().uuid());
  }

  private int documentFlags() {
    int extras = asked.request().extrasLength();
    boolean given = extras % Integer.BYTES == 1;
    return given ? asked.request().byteExtra(extras - 1) : 0;
  }

  /** The expiry that is asked for, otherwise the one that is there. */
  private int expiry(@Nullable Item current) {
    if (asked.request().extrasLength() >= Integer.BYTES) {
      return DocumentRequest.absoluteExpiry(asked.request().intExtra(0));
    }
    return current == null ? 0 : current.expiry();
  }

  private byte[] results() {
    int length = results.stream().mapToInt(r -> r.length == 0 ? 0 : 7 + r.length).sum();
    ByteBuffer value = ByteBuffer.allocate(length);
    for (int i = 0; i < results.size(); i++) {
      byte[] result = results.get(i);
      if (result.length > 0) {
        value.put((byte) i).putShort((short) Status.SUCCESS.code());
        value.putInt(result.length).put(result);
      }
    }
    return value.array();
  }
}
