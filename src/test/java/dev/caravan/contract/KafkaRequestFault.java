// SPDX-License-Identifier: Apache-2.0
package dev.caravan.contract;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.caravan.sandbox.TcpProxy;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.common.protocol.ApiKeys;

/**
 * Injects a fault at a point of a client's conversation with Kafka: just before or just after a
 * certain request reaches the broker. Thread-safe.
 */
public final class KafkaRequestFault implements TcpProxy.Filter {
  /** An action at a point. */
  @FunctionalInterface
  public interface Fault {
    void strike() throws IOException, InterruptedException;
  }

  /** A point, and the action to take there once. */
  private record Armed(
      ApiKeys request, String mention, boolean before, Fault fault, CountDownLatch done) {
    boolean matches(short apiKey, byte[] frame) {
      // All versions of a request have the name of a topic as plain bytes.
      return apiKey == request.id && new String(frame, ISO_8859_1).contains(mention);
    }
  }

  private final AtomicReference<Armed> armed = new AtomicReference<>();

  /** Runs an action once before the next such request reaches the broker. */
  public CountDownLatch before(ApiKeys request, String mention, Fault fault) {
    return arm(request, mention, true, fault);
  }

  /** Runs an action once after the next such request was forwarded to the broker. */
  public CountDownLatch after(ApiKeys request, String mention, Fault fault) {
    return arm(request, mention, false, fault);
  }

  private CountDownLatch arm(ApiKeys request, String mention, boolean before, Fault fault) {
    CountDownLatch done = new CountDownLatch(1);
    armed.set(new Armed(request, mention, before, fault, done));
    return done;
  }

  static boolean await(CountDownLatch done) throws InterruptedException {
    return done.await(60, TimeUnit.SECONDS);
  }

  @Override
  public void copy(InputStream from, OutputStream to) throws IOException {
    DataInputStream requests = new DataInputStream(from);

    try {
      while (true) {
        byte[] frame = new byte[requests.readInt()];
        requests.readFully(frame);
        short apiKey = ByteBuffer.wrap(frame).getShort();
        Armed point = armed.get();
        boolean hit =
            point != null && point.matches(apiKey, frame) && armed.compareAndSet(point, null);
        if (hit && point.before()) {
          strike(point);
          return;
        }
        // In one write, because the second packet of a frame would wait for an acknowledgement.
        to.write(
            ByteBuffer.allocate(Integer.BYTES + frame.length)
                .putInt(frame.length)
                .put(frame)
                .array());
        to.flush();
        if (hit) {
          strike(point);
        }
      }
    } catch (EOFException end) {
      return;
    }
  }

  private static void strike(Armed point) throws IOException {
    try {
      point.fault().strike();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
    point.done().countDown();
  }
}
