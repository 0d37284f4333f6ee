// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.caravan.worker.group.MemberState.OwnedTasks;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The binary format of the data that workers and the leader of their group exchange. Version 1 is
 * frozen, because workers of different versions are in one group during an upgrade. A later version
 * may add sections, which earlier versions skip. It raises {@code reader} if an earlier version
 * must not read its data. A change of the header needs another name of the {@link GroupAssignor}.
 *
 * <pre>
 *             0        1        2          3
 *             +--------+--------+----------+--------+--------------------------------------+
 * state       | 'C'    | 'S'    | version  | reader | configOffset flags workerId  section*|
 *             +--------+--------+----------+--------+--------------------------------------+
 * assignment  | 'C'    | 'A'    | version  | reader | configOffset                 section*|
 *             +--------+--------+----------+--------+--------------------------------------+
 *
 * version     version of the worker that wrote the data
 * reader      lowest version that may read the data
 * flags       1: the worker takes tasks
 * section     tag length content
 *
 * state       1  tasks that the worker has        tasks
 * assignment  1  ids of the workers               count { text }
 *             2  tasks of this worker             tasks
 * tasks       count { connectorHash(2 bytes) generation length bitmap }
 * text        length utf-8
 * </pre>
 *
 * <p>Numbers without a size are unsigned varints: seven bits per byte, the lowest first, with the
 * highest bit set in all bytes but the last. A generation is the difference to the previous one. In
 * a bitmap, the lowest bit of the first byte is task 0.
 */
final class GroupProtocol {
  static final int VERSION = 1;

  private static final int MAGIC = 'C';
  private static final int STATE = 'S';
  private static final int ASSIGNMENT = 'A';
  private static final int TAKES_TASKS = 1;
  private static final long OWNED = 1;
  private static final long WORKERS = 1;
  private static final long TASKS = 2;
  private static final int BITS = 7;
  private static final int MORE = 0x80;
  private static final int BYTE = 0xff;

  private GroupProtocol() {}

  static ByteBuffer encode(MemberState state) {
    Writer out = new Writer().header(STATE);
    out.number(state.configOffset());
    out.number(state.takesTasks() ? TAKES_TASKS : 0);
    out.text(state.workerId());
    out.section(OWNED, new Writer().tasks(state.owned()));
    return out.done();
  }

  /**
   * Decodes the state of a member.
   *
   * @throws IOException if the data has another format, or a version that this worker must not read
   */
  static MemberState decodeState(@Nullable ByteBuffer bytes) throws IOException {
    return read(
        bytes,
        STATE,
        in -> {
          long configOffset = in.number();
          long flags = in.number();
          String workerId = in.text();
          List<OwnedTasks> owned = in.sections().required(OWNED).tasks();
          return new MemberState(workerId, configOffset, (flags & TAKES_TASKS) != 0, owned);
        });
  }

  static ByteBuffer encode(MemberAssignment assignment) {
    Writer out = new Writer().header(ASSIGNMENT);
    out.number(assignment.configOffset());
    Writer workers = new Writer();
    workers.number(assignment.workers().size());
    assignment.workers().forEach(workers::text);
    out.section(WORKERS, workers);
    out.section(TASKS, new Writer().tasks(assignment.tasks()));
    return out.done();
  }

  /**
   * Decodes an assignment.
   *
   * @throws IOException if the data has another format, or a version that this worker must not read
   */
  static MemberAssignment decodeAssignment(@Nullable ByteBuffer bytes) throws IOException {
    return read(
        bytes,
        ASSIGNMENT,
        in -> {
          long configOffset = in.number();
          Sections sections = in.sections();
          Reader ids = sections.required(WORKERS);
          int count = ids.count();
          List<String> workers = new ArrayList<>();
          for (int worker = 0; worker < count; worker++) {
            workers.add(ids.text());
          }
          return new MemberAssignment(configOffset, workers, sections.required(TASKS).tasks());
        });
  }

  private interface Parser<T> {
    T parse(Reader in) throws IOException;
  }

  private static <T> T read(@Nullable ByteBuffer bytes, int kind, Parser<T> parser)
      throws IOException {
    if (bytes == null || !bytes.hasRemaining()) {
      throw new IOException("it is empty");
    }
    try {
      Reader in = new Reader(bytes.slice());
      if (in.octet() != MAGIC || in.octet() != kind) {
        throw new IOException("it was not written by a worker of Caravan");
      }
      int version = in.octet();
      int reader = in.octet();
      if (reader > VERSION) {
        throw new IOException(
            "it is of version "
                + version
                + " and for workers of version "
                + reader
                + " or later, and this worker has version "
                + VERSION);
      }
      return parser.parse(in);
    } catch (BufferUnderflowException e) {
      throw new IOException("it is truncated", e);
    }
  }

  private static final class Writer {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    Writer header(int kind) {
      out.write(MAGIC);
      out.write(kind);
      out.write(VERSION);
      out.write(VERSION);
      return this;
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

    void section(long tag, Writer content) {
      number(tag);
      bytes(content.out.toByteArray());
    }

    Writer tasks(List<OwnedTasks> sets) {
      List<OwnedTasks> sorted = new ArrayList<>(sets);
      sorted.sort(Comparator.comparingLong(OwnedTasks::generation));
      number(sorted.size());
      long before = 0;
      for (OwnedTasks tasks : sorted) {
        out.write(tasks.connectorHash() >>> Byte.SIZE);
        out.write(tasks.connectorHash());
        number(tasks.generation() - before);
        bytes(tasks.tasks().toByteArray());
        before = tasks.generation();
      }
      return this;
    }

    ByteBuffer done() {
      return ByteBuffer.wrap(out.toByteArray());
    }
  }

  private record Sections(Map<Long, ByteBuffer> content) {
    Reader required(long tag) throws IOException {
      ByteBuffer found = content.get(tag);
      if (found == null) {
        throw new IOException("it has no section " + tag);
      }
      return new Reader(found);
    }
  }

  private record Reader(ByteBuffer in) {
    int octet() {
      return in.get() & BYTE;
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
      throw new IOException("it has a number that is too large");
    }

    /**
     * Reads a number of elements. It can't exceed the number of remaining bytes, because each
     * element has at least one. So corrupt data does not allocate much memory.
     */
    int count() throws IOException {
      long value = number();
      if (value < 0 || value > in.remaining()) {
        throw new IOException(
            "it announces " + value + " elements, but has only " + in.remaining() + " bytes left");
      }
      return (int) value;
    }

    ByteBuffer bytes() throws IOException {
      int length = count();
      ByteBuffer value = in.slice(in.position(), length);
      in.position(in.position() + length);
      return value;
    }

    String text() throws IOException {
      return UTF_8.decode(bytes()).toString();
    }

    List<OwnedTasks> tasks() throws IOException {
      int count = count();
      List<OwnedTasks> sets = new ArrayList<>();
      long generation = 0;
      for (int set = 0; set < count; set++) {
        int hash = octet() << Byte.SIZE | octet();
        generation += number();
        sets.add(new OwnedTasks(hash, generation, BitSet.valueOf(bytes())));
      }
      return sets;
    }

    Sections sections() throws IOException {
      Map<Long, ByteBuffer> content = new HashMap<>();
      while (in.hasRemaining()) {
        long tag = number();
        content.put(tag, bytes());
      }
      return new Sections(content);
    }
  }
}
