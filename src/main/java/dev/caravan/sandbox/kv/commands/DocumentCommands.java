// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import dev.caravan.sandbox.kv.auth.Privilege;
import dev.caravan.sandbox.kv.protocol.Datatype;
import dev.caravan.sandbox.kv.protocol.Opcode;
import dev.caravan.sandbox.kv.protocol.RefusedException;
import dev.caravan.sandbox.kv.protocol.Request;
import dev.caravan.sandbox.kv.protocol.Status;
import dev.caravan.sandbox.kv.store.Item;
import dev.caravan.sandbox.kv.store.Write;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** Reading, writing and deleting whole documents. Stateless. */
final class DocumentCommands implements Commands {
  private static final int STORE_EXTRAS = 8;
  private static final int META_WITH_DATATYPE = 2;

  @Override
  public boolean handle(Session session, Request request) {
    switch (request.opcode()) {
      case Opcode.GET -> get(session, request);
      case Opcode.GET_META -> getMeta(session, request);
      case Opcode.SET -> store(session, request, Write.Mode.SET);
      case Opcode.ADD -> store(session, request, Write.Mode.ADD);
      case Opcode.REPLACE -> store(session, request, Write.Mode.REPLACE);
      case Opcode.DELETE -> delete(session, request);
      default -> {
        return false;
      }
    }
    return true;
  }

  private static void get(Session session, Request request) {
    DocumentRequest asked =
        DocumentRequest.check(session, request, extras -> extras == 0, Privilege.READ, "GET");
    if (asked == null) {
      return;
    }
    Item item = asked.find();
    if (item != null) {
      asked.answer(item);
    }
  }

  /**
   * Answers the metadata of a document or its tombstone.
   *
   * <pre>
   *   deleted (4)  flags (4)  expiry or time of deletion (4)  rev seqno (8)  datatype (1, if asked for)
   * </pre>
   */
  private static void getMeta(Session session, Request request) {
    DocumentRequest asked =
        DocumentRequest.check(
            session, request, extras -> extras <= 1, Privilege.META_READ, "GET_META");
    if (asked == null) {
      return;
    }
    Item item = asked.vbucket().getMeta(asked.key());
    if (item == null) {
      session.answer(request, Status.KEY_ENOENT);
      return;
    }
    boolean withDatatype =
        request.extrasLength() == 1 && request.byteExtra(0) == META_WITH_DATATYPE;
    ByteBuffer meta = ByteBuffer.allocate(withDatatype ? 21 : 20);
    meta.putInt(item.isTombstone() ? 1 : 0).putInt(item.flags());
    meta.putInt(item.isTombstone() ? item.deleteTime() : item.expiry());
    meta.putLong(item.revSeqno());
    if (withDatatype) {
      meta.put((byte) item.datatype());
    }
    session.send(request, Status.SUCCESS, meta.array(), new byte[0], Datatype.RAW, item.cas());
  }

  private static void store(Session session, Request request, Write.Mode mode) {
    DocumentRequest asked =
        DocumentRequest.check(
            session, request, extras -> extras == STORE_EXTRAS, Privilege.UPSERT, mode.name());
    if (asked == null) {
      return;
    }
    if (mode == Write.Mode.ADD && request.cas() != 0) {
      session.answer(request, Status.EINVAL);
      return;
    }
    asked.answer(asked.change(current -> store(asked, current, mode)));
  }

  /** A write of the given value; extended attributes that are there stay. */
  private static Write store(DocumentRequest asked, @Nullable Item current, Write.Mode mode)
      throws RefusedException {
    Request request = asked.request();
    byte[] body = asked.givenValue();
    int datatype = Datatype.of(body);
    if (current == null || !current.hasXattrs()) {
      byte[] value = request.value();
      int snappy = request.datatype() & Datatype.SNAPPY;
      Write write =
          asked.write(
              current,
              value,
              datatype | snappy,
              request.intExtra(0),
              DocumentRequest.absoluteExpiry(request.intExtra(4)));
      return write.with(mode, request.cas());
    }
    return asked
        .rewrite(
            current, body, request.intExtra(0), DocumentRequest.absoluteExpiry(request.intExtra(4)))
        .with(mode, current.cas());
  }

  private static void delete(Session session, Request request) {
    DocumentRequest asked =
        DocumentRequest.check(session, request, extras -> extras == 0, Privilege.DELETE, "DELETE");
    if (asked != null) {
      asked.answer(asked.vbucket().delete(asked.key(), request.cas(), request.durable()));
    }
  }
}
