// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * A proxy of a server whose network fails on command: it is slow, narrow, stalled or partitioned,
 * or it resets connections.
 *
 * <p>Two threads for each connection. A connection holds at most one read of 64 KiB in each
 * direction; a {@link Filter} may hold more. Thread-safe.
 */
public final class TcpProxy implements AutoCloseable {
  /** Forwards the bytes of one side to the other, changed or not. */
  public interface Filter {
    /** Copies until the end. */
    void copy(InputStream from, OutputStream to) throws IOException;
  }

  private static final String LOOPBACK = "127.0.0.1";
  private static final long UNLIMITED = Long.MAX_VALUE;
  private static final int BUFFER_SIZE = 64 * 1024;

  /** The most pieces that a narrow network passes in a second. */
  private static final int PIECES_PER_SECOND = 20;

  private final Filter toClient;
  private final Filter toServer;
  private final Set<Connection> connections = ConcurrentHashMap.newKeySet();
  private final AtomicLong bytesFromServer = new AtomicLong();

  /** Guards the fields below. */
  private final Object gate = new Object();

  private boolean stalled;
  private boolean partitioned;
  private long delayNanos;
  private long bytesPerSecond = UNLIMITED;
  private long freeAtNanos;
  private long answersUntilCut = UNLIMITED;
  private long requestsUntilCut = UNLIMITED;
  private int cuts;

  /** Guarded by the monitor. */
  private ServerSocket listening;

  private volatile @Nullable InetSocketAddress target;

  /** Takes a free port, where connections wait until {@link #open}. */
  public TcpProxy() throws IOException {
    this(port -> InputStream::transferTo);
  }

  /** Takes a free port. */
  public TcpProxy(IntFunction<Filter> toClient) throws IOException {
    this.listening = listen(LOOPBACK, 0);
    this.toClient = toClient.apply(port());
    this.toServer = InputStream::transferTo;
  }

  /**
   * Takes a free port.
   *
   * @param toServer forwards the bytes of clients
   */
  public TcpProxy(Filter toServer) throws IOException {
    this.listening = listen(LOOPBACK, 0);
    this.toClient = InputStream::transferTo;
    this.toServer = toServer;
  }

  /**
   * Takes a given address of the loopback interface.
   *
   * @throws IOException if it is taken, or this machine has no such address
   */
  public TcpProxy(String host, int port) throws IOException {
    this.listening = listen(host, port);
    this.toClient = InputStream::transferTo;
    this.toServer = InputStream::transferTo;
  }

  private static ServerSocket listen(String host, int port) throws IOException {
    ServerSocket socket = new ServerSocket();
    try {
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(host, port));
      return socket;
    } catch (IOException e) {
      socket.close();
      throw new IOException("a proxy can't listen on " + host + ":" + port, e);
    }
  }

  public synchronized int port() {
    return listening.getLocalPort();
  }

  /** The address for clients: {@code host:port}. */
  public synchronized String address() {
    return listening.getInetAddress().getHostAddress() + ":" + listening.getLocalPort();
  }

  /** Forwards connections to a server from now on. */
  public synchronized TcpProxy open(String host, int port) {
    target = new InetSocketAddress(host, port);
    accept(listening);
    return this;
  }

  private void accept(ServerSocket socket) {
    start(
        () -> {
          while (!socket.isClosed()) {
            Connection connection = new Connection(socket.accept());
            start(connection::run);
          }
        });
  }

  /** Refuses new connections and closes the present ones. */
  public synchronized void goDown() throws IOException {
    listening.close();
    cut();
  }

  /** Takes connections again, at the same address. */
  public synchronized void comeUp() throws IOException {
    listening = listen(listening.getInetAddress().getHostAddress(), listening.getLocalPort());
    accept(listening);
  }

  /** Closes all connections on both sides; clients can connect again at once. */
  public void cut() {
    connections.forEach(Connection::close);
  }

  /**
   * Resets all connections on both sides; what was on its way is lost. Clients can connect again at
   * once.
   */
  public void reset() {
    connections.forEach(Connection::reset);
  }

  /** Closes all connections after this many further bytes of servers, in the middle of a frame. */
  public void cutAfter(long bytes) {
    synchronized (gate) {
      answersUntilCut = bytes;
    }
  }

  /** Resets all connections after this many further bytes of clients, in the middle of a frame. */
  public void cutRequestAfter(long bytes) {
    synchronized (gate) {
      requestsUntilCut = bytes;
    }
  }

  /** How often {@link #cutAfter} or {@link #cutRequestAfter} has taken effect. */
  public int cuts() {
    synchronized (gate) {
      return cuts;
    }
  }

  /** Stops forwarding on the present connections without closing them. */
  public void halfOpen() {
    connections.forEach(connection -> connection.dead = true);
  }

  /**
   * Begins a partition: nothing passes until {@link #heal}, and neither side notices. Connections
   * that clients open meanwhile do not reach the server.
   */
  public void partition() {
    synchronized (gate) {
      partitioned = true;
      halfOpen();
    }
  }

  /**
   * Ends a partition. All connections are reset and what they held is discarded, as after a
   * partition that was longer than TCP's timeouts: a proxy that delivered it would be a network
   * that keeps packets for longer than any real one.
   */
  public void heal() {
    synchronized (gate) {
      partitioned = false;
      reset();
    }
  }

  /** Holds all bytes of all connections until {@link #resume}; none is lost. */
  public void stall() {
    synchronized (gate) {
      stalled = true;
    }
  }

  /** Ends the effect of {@link #stall}. */
  public void resume() {
    synchronized (gate) {
      stalled = false;
      gate.notifyAll();
    }
  }

  /** Holds each read for this time, in both directions; zero ends the delay. */
  public void delay(Duration delay) {
    synchronized (gate) {
      delayNanos = delay.toNanos();
    }
  }

  /**
   * Limits the bytes per second of all connections and both directions together.
   *
   * @param bytesPerSecond 1 or more
   */
  public void narrow(long bytesPerSecond) {
    synchronized (gate) {
      this.bytesPerSecond = bytesPerSecond;
      freeAtNanos = System.nanoTime();
    }
  }

  /** Ends the effect of {@link #narrow}. */
  public void widen() {
    synchronized (gate) {
      bytesPerSecond = UNLIMITED;
      gate.notifyAll();
    }
  }

  /** How many bytes servers have sent to clients in all. */
  public long bytesFromServer() {
    return bytesFromServer.get();
  }

  /** The number of open connections. */
  public int connections() {
    return connections.size();
  }

  @Override
  public synchronized void close() {
    try {
      goDown();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      resume();
    }
  }

  private interface Task {
    void run() throws IOException;
  }

  /** An exception means that one side closed a socket. */
  private static void start(Task task) {
    Thread thread =
        new Thread(
            () -> {
              try {
                task.run();
              } catch (IOException closed) {
                return;
              }
            },
            "tcp-proxy");
    thread.setDaemon(true);
    thread.start();
  }

  private final class Connection {
    private final Socket client;
    private final Socket server = new Socket();
    private volatile boolean closed;
    private volatile boolean dead;

    Connection(Socket client) {
      this.client = client;
      synchronized (gate) {
        dead = partitioned;
        connections.add(this);
      }
    }

    void run() throws IOException {
      try {
        awaitOpen(this);
        server.connect(target);
        client.setTcpNoDelay(true);
        server.setTcpNoDelay(true);
        start(() -> pump(toClient, server, client, true));
        pump(toServer, client, server, false);
      } finally {
        close();
      }
    }

    private void pump(Filter through, Socket from, Socket to, boolean fromServer)
        throws IOException {
      try {
        through.copy(from.getInputStream(), new Gate(this, to.getOutputStream(), fromServer));
      } finally {
        close();
      }
    }

    /** Closes both sides; what was written to them arrives. */
    private void close() {
      closed = true;
      connections.remove(this);
      synchronized (gate) {
        gate.notifyAll();
      }
      try {
        client.close();
        server.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /** Closes both sides so that what was written to them, and was not sent, is lost. */
    void reset() {
      discardUnsent(client);
      discardUnsent(server);
      close();
    }

    private static void discardUnsent(Socket side) {
      try {
        side.setSoLinger(true, 0);
      } catch (SocketException e) {
        // It is closed.
        return;
      }
    }
  }

  /** Waits while nothing passes on the connection. */
  private void awaitOpen(Connection connection) throws IOException {
    synchronized (gate) {
      try {
        while ((stalled || connection.dead) && !connection.closed) {
          gate.wait();
        }
      } catch (InterruptedException e) {
        throw new InterruptedIOException();
      }
      if (connection.closed) {
        throw new SocketException("the proxy has closed the connection");
      }
    }
  }

  /** Waits as long as a network of this delay and width takes for this number of bytes. */
  private void awaitPassage(Connection connection, int length) throws IOException {
    synchronized (gate) {
      long start = System.nanoTime();
      long until = start + delayNanos;
      if (bytesPerSecond != UNLIMITED) {
        freeAtNanos =
            Math.max(freeAtNanos, start) + TimeUnit.SECONDS.toNanos(length) / bytesPerSecond;
        until = Math.max(until, freeAtNanos);
      }
      try {
        for (long left = until - start;
            left > 0 && !connection.closed && isSlow();
            left = until - System.nanoTime()) {
          gate.wait(TimeUnit.NANOSECONDS.toMillis(left) + 1);
        }
      } catch (InterruptedException e) {
        throw new InterruptedIOException();
      }
    }
    awaitOpen(connection);
  }

  /** With the gate's monitor held. */
  private boolean isSlow() {
    return delayNanos > 0 || bytesPerSecond != UNLIMITED;
  }

  /** The output to a socket, with the faults of the proxy. */
  private final class Gate extends FilterOutputStream {
    private final Connection connection;
    private final boolean fromServer;

    Gate(Connection connection, OutputStream out, boolean fromServer) {
      super(out);
      this.connection = connection;
      this.fromServer = fromServer;
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      for (int at = 0; at < length; ) {
        int piece = Math.min(length - at, pieceSize());
        forward(bytes, offset + at, piece);
        at += piece;
      }
    }

    private int pieceSize() {
      synchronized (gate) {
        return (int) Math.max(1, Math.min(BUFFER_SIZE, bytesPerSecond / PIECES_PER_SECOND));
      }
    }

    private void forward(byte[] bytes, int offset, int length) throws IOException {
      awaitPassage(connection, length);
      int allowed = take(length);
      out.write(bytes, offset, allowed);
      if (allowed < length && fromServer) {
        cut();
      } else if (allowed < length) {
        reset();
      }
    }

    /** Counts bytes, and returns how many of them come before the cut. */
    private int take(int length) {
      synchronized (gate) {
        long untilCut = fromServer ? answersUntilCut : requestsUntilCut;
        int allowed = (int) Math.min(length, untilCut);
        long left = untilCut == UNLIMITED ? UNLIMITED : untilCut - allowed;
        if (allowed < length) {
          left = UNLIMITED;
          cuts++;
        }
        if (fromServer) {
          answersUntilCut = left;
          bytesFromServer.addAndGet(allowed);
        } else {
          requestsUntilCut = left;
        }
        return allowed;
      }
    }
  }
}
