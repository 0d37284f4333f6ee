// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.cluster;

import dev.caravan.sandbox.kv.protocol.DocumentKey;
import dev.caravan.sandbox.kv.store.Chronicle;
import dev.caravan.sandbox.kv.store.Item;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * All writes to a bucket in their order, for an audit. It includes writes that were superseded, and
 * writes that a failover, a flush or a deletion of the bucket discarded.
 *
 * <p>It is kept in a temporary file, so memory doesn't grow with it, and deleted on {@link #close}.
 * Thread-safe; its monitor is a leaf, taken with a vBucket's lock held.
 */
public final class History implements AutoCloseable {
  /** The kind of a write. */
  public enum Operation {
    MUTATION,
    DELETION,
    EXPIRATION;

    /** The name in JSON. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * One write.
   *
   * @param vbuuid of the branch of history that it was written on
   * @param collection the collection's id
   * @param key without its collection
   * @param lost whether it is no longer in the bucket's history; false if only a newer version of
   *     the document came, or the tombstone was purged
   */
  public record Entry(
      int vbucket,
      long vbuuid,
      long seqno,
      long cas,
      Operation operation,
      int collection,
      String key,
      boolean lost) {}

  /** Receives entries one after the other. */
  @FunctionalInterface
  public interface Reader {
    void accept(Entry entry) throws IOException;
  }

  /**
   * All entries of the vBucket before this place that have a larger seqno are lost, except kept
   * versions and what they superseded.
   *
   * @param kept the seqno of the version of each document, by key with collection
   */
  private record Loss(long place, long afterSeqno, Map<ByteBuffer, Long> kept) {
    boolean includes(long entry, long seqno, byte[] key) {
      return entry < place
          && seqno > afterSeqno
          && seqno > kept.getOrDefault(ByteBuffer.wrap(key), 0L);
    }
  }

  private static final Operation[] OPERATIONS = Operation.values();

  private final Path file;
  private final DataOutputStream out;
  private final Chronicle chronicle = new Writer();
  private final Map<Integer, List<Loss>> losses = new HashMap<>();
  private long size;

  History() {
    try {
      file = Files.createTempFile("caravan-history-", ".bin");
      out = new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file)));
    } catch (IOException e) {
      throw new UncheckedIOException("can't make a temporary file for the history", e);
    }
  }

  /** The chronicle that writes this history. */
  Chronicle chronicle() {
    return chronicle;
  }

  /** The number of writes so far. */
  public synchronized long size() {
    return size;
  }

  /**
   * Reads all entries up to now in order.
   *
   * @throws IOException when the file can't be read, or the reader throws it
   */
  public void read(Reader reader) throws IOException {
    long count;
    Map<Integer, List<Loss>> known = new HashMap<>();
    synchronized (this) {
      out.flush();
      count = size;
      losses.forEach((vbucket, list) -> known.put(vbucket, List.copyOf(list)));
    }
    try (DataInputStream in =
        new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
      for (long place = 0; place < count; place++) {
        int vbucket = in.readShort();
        long vbuuid = in.readLong();
        long seqno = in.readLong();
        long cas = in.readLong();
        Operation operation = OPERATIONS[in.readByte()];
        byte[] key = new byte[in.readShort()];
        in.readFully(key);
        int prefix = DocumentKey.prefixLength(key);
        reader.accept(
            new Entry(
                vbucket,
                vbuuid,
                seqno,
                cas,
                operation,
                DocumentKey.collectionId(key),
                new String(key, prefix, key.length - prefix, StandardCharsets.UTF_8),
                isLost(known.getOrDefault(vbucket, List.of()), place, seqno, key)));
      }
    }
  }

  private static boolean isLost(List<Loss> losses, long place, long seqno, byte[] key) {
    return losses.stream().anyMatch(loss -> loss.includes(place, seqno, key));
  }

  /** All entries up to now, in memory: for short histories. */
  public List<Entry> entries() throws IOException {
    List<Entry> entries = new ArrayList<>();
    read(entries::add);
    return entries;
  }

  @Override
  public synchronized void close() throws IOException {
    out.close();
    Files.deleteIfExists(file);
  }

  private final class Writer implements Chronicle {
    @Override
    public void wrote(int vbucket, long vbuuid, Item item) {
      synchronized (History.this) {
        try {
          byte[] key = item.key();
          out.writeShort(vbucket);
          out.writeLong(vbuuid);
          out.writeLong(item.seqno());
          out.writeLong(item.cas());
          out.writeByte(operation(item).ordinal());
          out.writeShort(key.length);
          out.write(key);
          size++;
        } catch (IOException e) {
          throw new UncheckedIOException("can't write the history to " + file, e);
        }
      }
    }

    @Override
    public void lost(int vbucket, long afterSeqno, Item[] kept) {
      Map<ByteBuffer, Long> seqnos = new HashMap<>();
      for (Item item : kept) {
        seqnos.put(ByteBuffer.wrap(item.key()), item.seqno());
      }
      synchronized (History.this) {
        losses
            .computeIfAbsent(vbucket, any -> new ArrayList<>())
            .add(new Loss(size, afterSeqno, seqnos));
      }
    }

    private static Operation operation(Item item) {
      if (item.isMutation()) {
        return Operation.MUTATION;
      }
      return item.kind() == Item.Kind.DELETION ? Operation.DELETION : Operation.EXPIRATION;
    }
  }
}
