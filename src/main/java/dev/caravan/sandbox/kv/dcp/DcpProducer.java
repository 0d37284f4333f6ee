// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.dcp;

import dev.caravan.sandbox.kv.bucket.NamedConnection;
import dev.caravan.sandbox.kv.bucket.ServedBucket;
import dev.caravan.sandbox.kv.protocol.Opcode;
import dev.caravan.sandbox.kv.protocol.Request;
import dev.caravan.sandbox.kv.store.VBucket;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.util.concurrent.ScheduledFuture;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * The DCP side of a connection: its streams, and the pump that lets them send in turn.
 *
 * <p>The pump stops while the flow-control window of the client is full or the channel isn't
 * writable, so the bytes in flight are bounded. It runs on the connection's event loop, for a
 * bounded time at once. {@link #ready}, {@link #changed}, {@link #schedule} and {@link #close} may
 * be called by any thread, everything else is confined to the event loop.
 */
public final class DcpProducer implements NamedConnection {
  /**
   * The key of a stream in its connection.
   *
   * @param streamId 0 on a connection without stream ids
   */
  record StreamKey(int vbucket, int streamId) {}

  private static final int CHUNK_SIZE = 64 * 1024;
  private static final int CHUNK_CAPACITY = 2 * CHUNK_SIZE;
  private static final int CHUNKS_PER_RUN = 8;
  private static final int FIRST_NOOP_OPAQUE = 10_000_001;

  private final Channel channel;
  private final ServedBucket bucket;
  private final String name;
  private final DcpSettings settings;
  private final FlowControlWindow window;
  private final Duration idleTimeout;
  private final DcpEncoder encoder;
  private final Map<StreamKey, DcpStream> streams = new HashMap<>();
  private final Queue<DcpStream> ready = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean scheduled = new AtomicBoolean();
  private final ScheduledFuture<?> ticks;
  private boolean noopPending;
  private int noopOpaque = FIRST_NOOP_OPAQUE;
  private long lastNoopNanos = System.nanoTime();
  private long lastHeardNanos = System.nanoTime();

  public DcpProducer(
      Channel channel,
      ServedBucket bucket,
      String name,
      DcpSettings settings,
      FlowControlWindow window,
      Duration idleTimeout) {
    this.channel = channel;
    this.bucket = bucket;
    this.name = name;
    this.settings = settings;
    this.window = window;
    this.idleTimeout = idleTimeout;
    encoder = new DcpEncoder(settings, window, CHUNK_SIZE);
    ticks = channel.eventLoop().scheduleAtFixedRate(this::tick, 1, 1, TimeUnit.SECONDS);
  }

  public DcpSettings settings() {
    return settings;
  }

  /** Whether what is read from disk comes compressed. */
  boolean readsCompressed() {
    return settings.snappy() && bucket.isCompressedOnDisk();
  }

  /** The part of a vBucket that a backfill reads. */
  VBucket.Tail onDisk(VBucket vbucket, long afterSeqno) {
    return bucket.onDisk(vbucket, afterSeqno);
  }

  public boolean isOpen(int vbucket, int streamId) {
    return streams.containsKey(new StreamKey(vbucket, streamId));
  }

  public void open(DcpStream stream) {
    streams.put(stream.key(), stream);
    stream.start();
  }

  /** Ends a stream at the client's wish and returns it, or null when it isn't open. */
  public @Nullable DcpStream closeStream(int vbucket, int streamId) {
    DcpStream stream = streams.remove(new StreamKey(vbucket, streamId));
    if (stream != null) {
      stream.stop();
    }
    return stream;
  }

  /** Sends the end of a stream that the client closed, for those who want it. */
  public void sendClosed(DcpStream stream) {
    ByteBuf buffer = channel.alloc().buffer(64);
    encoder.into(buffer);
    encoder.end(stream, DcpStream.END_CLOSED);
    channel.write(buffer, channel.voidPromise());
  }

  void ended(DcpStream stream) {
    streams.remove(stream.key());
  }

  /**
   * Queues a stream after a change of its vBucket, at once or after the time to gather further
   * changes.
   */
  void changed(DcpStream stream) {
    long millis = bucket.gatherMillis();
    if (millis == 0) {
      ready(stream);
    } else if (stream.gather()) {
      channel
          .eventLoop()
          .schedule(
              () -> {
                stream.gathered();
                ready(stream);
              },
              millis,
              TimeUnit.MILLISECONDS);
    }
  }

  /** Puts a stream in the queue of those that may have something to send. */
  void ready(DcpStream stream) {
    if (stream.enqueue()) {
      ready.add(stream);
      schedule();
    }
  }

  /** Lets the pump run soon; many calls before it does are one. */
  public void schedule() {
    if (scheduled.compareAndSet(false, true)) {
      channel.eventLoop().execute(this::pump);
    }
  }

  private void pump() {
    scheduled.set(false);
    int chunks = 0;
    while (chunks < CHUNKS_PER_RUN && canSend()) {
      ByteBuf chunk = channel.alloc().ioBuffer(CHUNK_CAPACITY);
      encoder.into(chunk);
      fill();
      if (!chunk.isReadable()) {
        chunk.release();
        break;
      }
      channel.write(chunk, channel.voidPromise());
      chunks++;
    }
    if (chunks > 0) {
      channel.flush();
    }
    if (!ready.isEmpty() && canSend()) {
      schedule();
    }
  }

  private boolean canSend() {
    return channel.isActive() && channel.isWritable() && window.isOpen();
  }

  private void fill() {
    while (encoder.hasRoom()) {
      DcpStream stream = ready.poll();
      if (stream == null) {
        return;
      }
      stream.dequeue();
      if (stream.produce(encoder) && stream.enqueue()) {
        ready.add(stream);
      }
    }
  }

  public void acknowledge(long bytes) {
    window.acknowledge(bytes);
    schedule();
  }

  /** Notes that the client sent something. */
  public void heard() {
    lastHeardNanos = System.nanoTime();
  }

  public void noopAnswered() {
    noopPending = false;
  }

  private void tick() {
    long now = System.nanoTime();
    if (now - lastHeardNanos >= idleTimeout.toNanos()) {
      channel.close();
      return;
    }
    boolean due = now - lastNoopNanos >= TimeUnit.SECONDS.toNanos(settings.noopIntervalSeconds());
    if (settings.noop() && !noopPending && due) {
      noopPending = true;
      lastNoopNanos = now;
      ByteBuf noop = channel.alloc().buffer(Request.HEADER_LENGTH);
      noop.writeByte(Request.MAGIC_REQUEST).writeByte(Opcode.DCP_NOOP).writeZero(10);
      // A real node sends the opaque in its own byte order, and it means nothing to anybody.
      noop.writeIntLE(noopOpaque++).writeLong(0);
      channel.writeAndFlush(noop, channel.voidPromise());
    }
  }

  @Override
  public void close() {
    channel.close();
  }

  /** The connection is gone. */
  public void closed() {
    ticks.cancel(false);
    streams.values().forEach(DcpStream::stop);
    streams.clear();
    ready.clear();
    bucket.unregister(name, this);
  }
}
