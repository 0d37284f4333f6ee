// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.caravan.worker.Assignments.Share;
import dev.caravan.worker.MemberState.OwnedTasks;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The bytes in which workers tell the group what they have, and its leader tells them what they are
 * to have. Numbers are unsigned, seven bits in a byte, the lowest first, the highest bit set in all
 * but the last (varints); generations are told as the distance from the one before:
 *
 * <pre>
 * state        version=1 configOffset workerId takesTasks sets { connectorHash generation bytes bitmap }
 * assignments  version=1 configOffset member workers { workerId } sets { connectorHash generation tasks { owner+1 } }
 * text         bytes utf-8
 * </pre>
 */
final class GroupProtocol {
  private static final int VERSION = 1;
  private static final int MAX_TASKS = 100_000;
  private static final int BITS = 7;
  private static final int MORE = 0x80;

  private GroupProtocol() {}

  /**
   * What a worker is told.
   *
   * @param assignments of all workers
   * @param member which of them it is itself
   */
  record Told(Assignments assignments, int member) {}

  static ByteBuffer encode(MemberState state) {
    Writer out = new Writer();
    out.number(state.configOffset());
    out.text(state.workerId());
    out.number(state.takesTasks() ? 1 : 0);
    List<OwnedTasks> owned = new ArrayList<>(state.owned());
    owned.sort((a, b) -> Long.compare(a.generation(), b.generation()));
    out.number(owned.size());
    long before = 0;
    for (OwnedTasks tasks : owned) {
      out.number(Integer.toUnsignedLong(tasks.connectorHash()));
      out.number(tasks.generation() - before);
      out.bytes(tasks.tasks().toByteArray());
      before = tasks.generation();
    }
    return out.done();
  }

  /**
   * @throws IOException if it is of another version, or none of these
   */
  static MemberState decodeState(ByteBuffer bytes) throws IOException {
    return read(
        bytes,
        in -> {
          long configOffset = in.number();
          String workerId = in.text();
          boolean takesTasks = in.count(1) == 1;
          int sets = in.count(MAX_TASKS);
          List<OwnedTasks> owned = new ArrayList<>();
          long generation = 0;
          for (int set = 0; set < sets; set++) {
            int hash = (int) in.number();
            generation += in.number();
            owned.add(new OwnedTasks(hash, generation, BitSet.valueOf(in.bytes())));
          }
          return new MemberState(workerId, configOffset, takesTasks, owned);
        });
  }

  static ByteBuffer encode(Assignments assignments, int member) {
    Writer out = new Writer();
    out.number(assignments.configOffset());
    out.number(member);
    out.number(assignments.workers().size());
    assignments.workers().forEach(out::text);
    out.number(assignments.shares().size());
    long before = 0;
    for (Map.Entry<Long, Share> set : assignments.shares().entrySet()) {
      out.number(Integer.toUnsignedLong(set.getValue().connectorHash()));
      out.number(set.getKey() - before);
      out.number(set.getValue().owners().length);
      for (int owner : set.getValue().owners()) {
        out.number(owner - Assignments.NOBODY);
      }
      before = set.getKey();
    }
    return out.done();
  }

  /**
   * @throws IOException if it is of another version, or none of these
   */
  static Told decodeAssignments(ByteBuffer bytes) throws IOException {
    return read(
        bytes,
        in -> {
          long configOffset = in.number();
          int member = in.count(MAX_TASKS);
          int count = in.count(MAX_TASKS);
          List<String> workers = new ArrayList<>();
          for (int worker = 0; worker < count; worker++) {
            workers.add(in.text());
          }
          int sets = in.count(MAX_TASKS);
          SortedMap<Long, Share> shares = new TreeMap<>();
          long generation = 0;
          for (int set = 0; set < sets; set++) {
            int hash = (int) in.number();
            generation += in.number();
            int[] tasks = new int[in.count(in.left())];
            for (int task = 0; task < tasks.length; task++) {
              tasks[task] = in.count(count) + Assignments.NOBODY;
            }
            shares.put(generation, new Share(hash, tasks));
          }
          if (member >= count) {
            throw new IOException("it is for worker " + member + " of " + count);
          }
          return new Told(new Assignments(configOffset, workers, shares), member);
        });
  }

  private interface Parser<T> {
    T parse(Reader in) throws IOException;
  }

  private static <T> T read(ByteBuffer bytes, Parser<T> parser) throws IOException {
    try {
      Reader in = new Reader(bytes.slice());
      long version = in.number();
      if (version != VERSION) {
        throw new IOException(
            "it is of version " + version + ", this worker understands " + VERSION + " only");
      }
      return parser.parse(in);
    } catch (BufferUnderflowException e) {
      throw new IOException("it ends too soon", e);
    }
  }

  private static final class Writer {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    Writer() {
      number(VERSION);
    }

    void number(long value) {
      long rest = value;
      while ((rest & -MORE) != 0) {
        out.write((int) rest | MORE);
        rest >>>= BITS;
      }
      out.write((int) rest);
    }

    void bytes(byte[] value) {
      number(value.length);
      out.writeBytes(value);
    }

    void text(String value) {
      bytes(value.getBytes(UTF_8));
    }

    ByteBuffer done() {
      return ByteBuffer.wrap(out.toByteArray());
    }
  }

  private record Reader(ByteBuffer in) {
    int left() {
      return in.remaining();
    }

    long number() throws IOException {
      long value = 0;
      for (int shift = 0; shift < Long.SIZE; shift += BITS) {
        byte next = in.get();
        value |= (long) (next & (MORE - 1)) << shift;
        if (next >= 0) {
          return value;
        }
      }
      throw new IOException("a number in it is too large");
    }

    /** A number that something is counted with, so that no nonsense makes us take much memory. */
    int count(int max) throws IOException {
      long value = number();
      if (value < 0 || value > max) {
        throw new IOException("it counts to " + value + " where " + max + " is the most");
      }
      return (int) value;
    }

    byte[] bytes() throws IOException {
      byte[] value = new byte[count(left())];
      in.get(value);
      return value;
    }

    String text() throws IOException {
      return new String(bytes(), UTF_8);
    }
  }
}
