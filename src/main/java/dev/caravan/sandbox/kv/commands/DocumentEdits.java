// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import dev.caravan.sandbox.kv.auth.Privilege;
import dev.caravan.sandbox.kv.protocol.Datatype;
import dev.caravan.sandbox.kv.protocol.Opcode;
import dev.caravan.sandbox.kv.protocol.RefusedException;
import dev.caravan.sandbox.kv.protocol.Request;
import dev.caravan.sandbox.kv.protocol.Status;
import dev.caravan.sandbox.kv.store.Item;
import dev.caravan.sandbox.kv.store.VBucket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Commands that change a present document: counters, appended bytes and new expiries. Stateless.
 */
final class DocumentEdits implements Commands {
  private static final int COUNTER_EXTRAS = 20;
  private static final int DELTA = 0;
  private static final int INITIAL = 8;
  private static final int COUNTER_EXPIRY = 16;

  /** The expiry in a request that must not make a missing counter. */
  private static final int DO_NOT_CREATE = 0xffffffff;

  @Override
  public boolean handle(Session session, Request request) {
    switch (request.opcode()) {
      case Opcode.INCREMENT -> count(session, request, "INCREMENT", 1);
      case Opcode.DECREMENT -> count(session, request, "DECREMENT", -1);
      case Opcode.APPEND -> extend(session, request, "APPEND", true);
      case Opcode.PREPEND -> extend(session, request, "PREPEND", false);
      case Opcode.TOUCH -> touch(session, request, "TOUCH");
      case Opcode.GET_AND_TOUCH -> touch(session, request, "GAT");
      default -> {
        return false;
      }
    }
    return true;
  }

  /**
   * Counts; the answer is the new number.
   *
   * <pre>
   *   extras: delta (8)  initial number (8)  expiry of a new counter (4)
   * </pre>
   */
  private static void count(Session session, Request request, String name, int sign) {
    DocumentRequest asked =
        DocumentRequest.check(
            session, request, extras -> extras == COUNTER_EXTRAS, Privilege.UPSERT, name);
    if (asked == null) {
      return;
    }
    long[] number = new long[1];
    VBucket.Outcome outcome =
        asked.change(
            current -> {
              number[0] = counted(request, current, sign);
              byte[] digits = Long.toUnsignedString(number[0]).getBytes(StandardCharsets.US_ASCII);
              int expiry = DocumentRequest.absoluteExpiry(request.intExtra(COUNTER_EXPIRY));
              return current == null
                  ? asked.rewrite(null, digits, 0, expiry)
                  : asked.rewrite(current, digits, current.flags(), current.expiry());
            });
    byte[] value = ByteBuffer.allocate(Long.BYTES).putLong(number[0]).array();
    boolean done = outcome.status() == Status.SUCCESS;
    asked.answer(outcome, outcome.status(), done ? value : new byte[0]);
  }

  private static long counted(Request request, @Nullable Item current, int sign)
      throws RefusedException {
    if (current == null) {
      if (request.intExtra(COUNTER_EXPIRY) == DO_NOT_CREATE) {
        throw new RefusedException(Status.KEY_ENOENT);
      }
      return request.longExtra(INITIAL);
    }
    long delta = request.longExtra(DELTA);
    try {
      String digits = new String(current.body(), StandardCharsets.US_ASCII);
      long number = Long.parseUnsignedLong(digits);
      boolean belowZero = sign < 0 && Long.compareUnsigned(number, delta) < 0;
      return belowZero ? 0 : number + sign * delta;
    } catch (NumberFormatException notANumber) {
      throw new RefusedException(Status.DELTA_BADVAL);
    }
  }

  private static void extend(Session session, Request request, String name, boolean atTheEnd) {
    DocumentRequest asked =
        DocumentRequest.check(session, request, extras -> extras == 0, Privilege.UPSERT, name);
    if (asked != null) {
      asked.answer(
          asked.change(
              current -> {
                if (current == null) {
                  throw new RefusedException(Status.NOT_STORED);
                }
                byte[] body = current.body();
                byte[] given = asked.givenValue();
                byte[] joined = atTheEnd ? join(body, given) : join(given, body);
                return asked.rewrite(current, joined, current.flags(), current.expiry());
              }));
    }
  }

  private static byte[] join(byte[] first, byte[] second) {
    byte[] joined = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, joined, first.length, second.length);
    return joined;
  }

  /** Gives a document another expiry, which is a change only if it had a different one. */
  private static void touch(Session session, Request request, String name) {
    DocumentRequest asked =
        DocumentRequest.check(
            session, request, extras -> extras == Integer.BYTES, Privilege.UPSERT, name);
    if (asked == null) {
      return;
    }
    int expiry = DocumentRequest.absoluteExpiry(request.intExtra(0));
    VBucket.Outcome outcome =
        asked.changeIfWanted(
            current -> {
              if (current == null) {
                throw new RefusedException(Status.KEY_ENOENT);
              }
              boolean changes = current.expiry() != expiry;
              return changes
                  ? asked.write(
                      current, current.value(), current.datatype(), current.flags(), expiry)
                  : null;
            });
    if (outcome != null && outcome.status() != Status.SUCCESS) {
      asked.answer(outcome);
      return;
    }
    Item touched = asked.find();
    if (touched != null && request.opcode() == Opcode.GET_AND_TOUCH) {
      asked.answer(touched);
    } else if (touched != null) {
      session.send(request, Status.SUCCESS, new byte[0], new byte[0], Datatype.RAW, touched.cas());
    }
  }
}
