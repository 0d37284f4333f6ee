// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import dev.caravan.sandbox.kv.auth.Privilege;
import dev.caravan.sandbox.kv.protocol.Datatype;
import dev.caravan.sandbox.kv.protocol.Opcode;
import dev.caravan.sandbox.kv.protocol.RefusedException;
import dev.caravan.sandbox.kv.protocol.Request;
import dev.caravan.sandbox.kv.protocol.Status;
import dev.caravan.sandbox.kv.store.Item;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Reading and writing parts of documents and their extended attributes, by the two commands that
 * the SDKs use. Stateless.
 *
 * <pre>
 *   lookup    value: for each operation opcode (1) flags (1) path length (2) path
 *             answer: for each status (2) length (4) value
 *   mutation  value: for each operation opcode (1) flags (1) path length (2) value length (4) path value
 * </pre>
 */
final class SubdocCommands implements Commands {
  private static final int MAX_OPERATIONS = 16;

  @Override
  public boolean handle(Session session, Request request) {
    switch (request.opcode()) {
      case Opcode.SUBDOC_MULTI_LOOKUP -> lookUp(session, request);
      case Opcode.SUBDOC_MULTI_MUTATION -> mutate(session, request);
      default -> {
        return false;
      }
    }
    return true;
  }

  private static void lookUp(Session session, Request request) {
    DocumentRequest asked =
        DocumentRequest.check(
            session, request, extras -> extras <= 1, Privilege.READ, "SUBDOC_MULTI_LOOKUP");
    if (asked == null) {
      return;
    }
    try {
      List<SubdocOperation> operations = operations(request, false);
      if (request.extrasLength() == 1 && request.byteExtra(0) != 0) {
        throw new RefusedException(Status.NOT_SUPPORTED);
      }
      Item item = asked.find();
      if (item != null) {
        answer(asked, item, operations);
      }
    } catch (RefusedException e) {
      session.answer(request, e.status());
    }
  }

  private static void answer(DocumentRequest asked, Item item, List<SubdocOperation> operations) {
    SubdocDocument document = SubdocDocument.of(item, asked.vbucket().uuid());
    List<byte[]> results = new ArrayList<>();
    List<Status> statuses = new ArrayList<>();
    for (SubdocOperation operation : operations) {
      byte[] result = {};
      Status status = Status.SUCCESS;
      try {
        result = document.lookUp(operation);
      } catch (RefusedException e) {
        status = e.status();
      }
      results.add(result);
      statuses.add(status);
    }
    int length = results.stream().mapToInt(result -> 6 + result.length).sum();
    ByteBuffer value = ByteBuffer.allocate(length);
    for (int i = 0; i < results.size(); i++) {
      value.putShort((short) statuses.get(i).code());
      value.putInt(results.get(i).length).put(results.get(i));
    }
    boolean all = statuses.stream().allMatch(status -> status == Status.SUCCESS);
    Status status = all ? Status.SUCCESS : Status.SUBDOC_MULTI_PATH_FAILURE;
    asked
        .session()
        .send(asked.request(), status, new byte[0], value.array(), Datatype.RAW, item.cas());
  }

  private static void mutate(Session session, Request request) {
    DocumentRequest asked =
        DocumentRequest.check(
            session,
            request,
            extras -> extras <= 1 || extras == 4 || extras == 5,
            Privilege.UPSERT,
            "SUBDOC_MULTI_MUTATION");
    if (asked == null) {
      return;
    }
    try {
      new SubdocMutation(asked, operations(request, true)).run();
    } catch (RefusedException e) {
      session.answer(request, e.status());
    }
  }

  private static List<SubdocOperation> operations(Request request, boolean mutations)
      throws RefusedException {
    List<SubdocOperation> operations = new ArrayList<>();
    ByteBuffer in = ByteBuffer.wrap(request.value());
    try {
      while (in.hasRemaining()) {
        int opcode = Byte.toUnsignedInt(in.get());
        int flags = Byte.toUnsignedInt(in.get());
        byte[] path = new byte[Short.toUnsignedInt(in.getShort())];
        int valueLength = mutations ? in.getInt() : 0;
        in.get(path);
        if (valueLength < 0 || valueLength > in.remaining()) {
          throw new RefusedException(Status.EINVAL);
        }
        byte[] value = new byte[valueLength];
        in.get(value);
        operations.add(
            new SubdocOperation(opcode, flags, new String(path, StandardCharsets.UTF_8), value));
      }
    } catch (BufferUnderflowException tooShort) {
      throw new RefusedException(Status.EINVAL);
    }
    check(operations, mutations);
    return operations;
  }

  private static void check(List<SubdocOperation> operations, boolean mutations)
      throws RefusedException {
    if (operations.isEmpty() || operations.size() > MAX_OPERATIONS) {
      throw new RefusedException(Status.SUBDOC_INVALID_COMBO);
    }
    String attribute = null;
    boolean body = false;
    for (SubdocOperation operation : operations) {
      if (operation.isLookup() == mutations) {
        throw new RefusedException(Status.SUBDOC_INVALID_COMBO);
      }
      if ((operation.flags() & SubdocOperation.EXPAND_MACROS) != 0) {
        throw new RefusedException(Status.SUBDOC_XATTR_UNKNOWN_MACRO);
      }
      if (!operation.isXattr()) {
        body = true;
        continue;
      }
      boolean virtual = operation.attribute().startsWith("$");
      if (body || (virtual && mutations)) {
        throw new RefusedException(
            body ? Status.SUBDOC_INVALID_XATTR_ORDER : Status.SUBDOC_XATTR_CANT_MODIFY_VATTR);
      }
      if (attribute != null && !virtual && !attribute.equals(operation.attribute())) {
        throw new RefusedException(Status.SUBDOC_XATTR_INVALID_KEY_COMBO);
      }
      attribute = virtual ? attribute : operation.attribute();
    }
  }
}
