// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * Stores offsets in a file, for routes that do not use a Kafka topic for their offsets. One store
 * with one file serves all routes of a process. The file has the offsets by owner, bucket and
 * vBucket. An owner is a route's id or its {@code offsetKey}:
 *
 * <pre>
 * {"owners":{"route1":{"travel":{"17":{"vbuuid":1,"bySeqno":19,..}}}}}
 * </pre>
 *
 * <p>A save writes a new file to disk and then replaces the old file atomically. After a crash of
 * the process or the machine, the file has the last saved state or the one before. From the first
 * use until {@link #close} or the end of the process, a lock on a second file, {@code <file>.lock},
 * excludes other stores.
 *
 * <p>Safe for use by several threads. A daemon thread of the store writes the file. It writes saves
 * that arrive during a write together.
 */
public final class FileOffsetStore implements SharedOffsetStore, Closeable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String OWNERS = "owners";

  /** The root of files of the version without owners. */
  private static final String BUCKETS = "buckets";

  private final Path file;
  private final Executor writer;

  /** By owner, bucket and vBucket. */
  private final Map<String, Map<String, Map<Integer, Offset>>> offsets = new TreeMap<>();

  private List<CompletableFuture<Void>> waiting = new ArrayList<>();
  private @Nullable FileChannel lock;

  /**
   * Creates a store. It does not open the file before the first use.
   *
   * @param file the path of the file; a missing directory is created
   */
  public FileOffsetStore(String file) {
    this.file = Path.of(file).toAbsolutePath();
    this.writer = WriterThread.executor("offset-file-writer-" + this.file.getFileName());
  }

  @Override
  public OffsetStore of(String owner) {
    return new OwnerInFile(owner);
  }

  private synchronized Map<Integer, Offset> load(
      String owner, String bucket, Collection<Integer> vbuckets) {
    try {
      open();
    } catch (IOException e) {
      throw new UncheckedIOException(e.getMessage(), e);
    }
    Map<Integer, Offset> result =
        new HashMap<>(offsets.getOrDefault(owner, Map.of()).getOrDefault(bucket, Map.of()));
    result.keySet().retainAll(vbuckets);
    return result;
  }

  private synchronized CompletionStage<Void> save(
      String owner, String bucket, Map<Integer, Offset> saved) {
    CompletableFuture<Void> written = new CompletableFuture<>();
    try {
      open();
    } catch (IOException e) {
      written.completeExceptionally(e);
      return written;
    }
    offsets
        .computeIfAbsent(owner, key -> new TreeMap<>())
        .computeIfAbsent(bucket, name -> new TreeMap<>())
        .putAll(saved);
    if (waiting.isEmpty()) {
      writer.execute(this::write);
    }
    waiting.add(written);
    return written;
  }

  private void open() throws IOException {
    if (lock == null) {
      Files.createDirectories(file.resolveSibling("."));
      FileChannel locked = lock();
      try {
        offsets.putAll(read());
      } catch (IOException | RuntimeException e) {
        locked.close();
        throw e;
      }
      lock = locked;
    }
  }

  private FileChannel lock() throws IOException {
    FileChannel channel =
        FileChannel.open(sibling(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      FileLock acquired = channel.tryLock();
      if (acquired != null) {
        return channel;
      }
    } catch (OverlappingFileLockException e) {
      // This process holds the lock. The exception is thrown below.
    } catch (IOException e) {
      channel.close();
      throw e;
    }
    channel.close();
    throw new IOException(
        "Offset file \""
            + file
            + "\" is in use by another offset store, in this or another process. Configure a separate"
            + " file for each process, and the same store for the routes of one process.");
  }

  private Map<String, Map<String, Map<Integer, Offset>>> read() throws IOException {
    if (!Files.exists(file)) {
      return Map.of();
    }
    try {
      return owners(JSON.readTree(Files.readAllBytes(file)));
    } catch (IOException e) {
      throw new IOException(
          "Offset file \""
              + file
              + "\" cannot be read: "
              + (e instanceof JacksonException json ? json.getOriginalMessage() : e.getMessage())
              + ". Restore a valid copy, or delete the file to start without offsets.",
          e);
    }
  }

  private static Map<String, Map<String, Map<Integer, Offset>>> owners(JsonNode file)
      throws IOException {
    JsonNode owners = file.path(OWNERS);
    if (!owners.isObject()) {
      throw new IOException(
          file.has(BUCKETS)
              ? "it has \""
                  + BUCKETS
                  + "\" without owners, from a version that did not separate the offsets of routes."
                  + " If only one route used the file, change its content to {\"owners\":{\"<route"
                  + " id or offsetKey>\":{..the content of \"buckets\"..}}}"
              : "it has no \"" + OWNERS + "\"");
    }
    Map<String, Map<String, Map<Integer, Offset>>> result = new TreeMap<>();
    for (Map.Entry<String, JsonNode> owner : owners.properties()) {
      Map<String, Map<Integer, Offset>> buckets = new TreeMap<>();
      for (Map.Entry<String, JsonNode> bucket : owner.getValue().properties()) {
        Map<Integer, Offset> vbuckets = new TreeMap<>();
        for (Map.Entry<String, JsonNode> vbucket : bucket.getValue().properties()) {
          vbuckets.put(vbucket(vbucket.getKey()), OffsetJson.read(vbucket.getValue()));
        }
        buckets.put(bucket.getKey(), vbuckets);
      }
      result.put(owner.getKey(), buckets);
    }
    return result;
  }

  private static int vbucket(String key) throws IOException {
    try {
      return Integer.parseUnsignedInt(key);
    } catch (NumberFormatException e) {
      throw new IOException("\"" + key + "\" is not the number of a vBucket", e);
    }
  }

  /** Writes everything that has been saved. Runs on the store's own thread. */
  private void write() {
    List<CompletableFuture<Void>> saves;
    ObjectNode content = JSON.createObjectNode();
    synchronized (this) {
      saves = waiting;
      waiting = new ArrayList<>();
      ObjectNode owners = content.putObject(OWNERS);
      offsets.forEach(
          (owner, buckets) -> {
            ObjectNode ofOwner = owners.putObject(owner);
            buckets.forEach(
                (bucket, vbuckets) -> {
                  ObjectNode ofBucket = ofOwner.putObject(bucket);
                  vbuckets.forEach(
                      (vbucket, offset) ->
                          ofBucket.set(vbucket.toString(), OffsetJson.write(offset)));
                });
          });
    }
    try {
      replace(JSON.writeValueAsBytes(content));
      saves.forEach(save -> save.complete(null));
    } catch (IOException | RuntimeException e) {
      IOException failure =
          new IOException("Offset file \"" + file + "\" cannot be written: " + e.getMessage(), e);
      saves.forEach(save -> save.completeExceptionally(failure));
    }
  }

  private void replace(byte[] content) throws IOException {
    Path next = sibling(".tmp");
    try (FileChannel channel =
        FileChannel.open(
            next,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      ByteBuffer bytes = ByteBuffer.wrap(content);
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      channel.force(true);
    }
    Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
    try (FileChannel directory =
        FileChannel.open(file.resolveSibling("."), StandardOpenOption.READ)) {
      directory.force(true);
    } catch (IOException e) {
      // Windows cannot open directories, so the rename is not forced to disk there.
    }
  }

  private Path sibling(String suffix) {
    return file.resolveSibling(file.getFileName() + suffix);
  }

  /**
   * Writes all saves and releases the file. Blocks until then. A later use of the store opens the
   * file again.
   */
  @Override
  public void close() throws IOException {
    CompletableFuture<Void> released = new CompletableFuture<>();
    writer.execute(
        () -> {
          try {
            release();
            released.complete(null);
          } catch (IOException e) {
            released.completeExceptionally(e);
          }
        });
    try {
      released.join();
    } catch (CompletionException e) {
      throw new IOException("Offset file \"" + file + "\" cannot be released.", e.getCause());
    }
  }

  private synchronized void release() throws IOException {
    if (lock != null) {
      lock.close();
      lock = null;
      offsets.clear();
    }
  }

  private final class OwnerInFile implements OffsetStore {
    private final String owner;

    OwnerInFile(String owner) {
      this.owner = owner;
    }

    /**
     * @throws UncheckedIOException if the file cannot be read, is not an offset file, or is in use;
     *     the message has the path and the remedy
     */
    @Override
    public Map<Integer, Offset> load(String bucket, Collection<Integer> vbuckets) {
      return FileOffsetStore.this.load(owner, bucket, vbuckets);
    }

    @Override
    public CompletionStage<Void> save(String bucket, Map<Integer, Offset> saved) {
      return FileOffsetStore.this.save(owner, bucket, saved);
    }
  }
}
