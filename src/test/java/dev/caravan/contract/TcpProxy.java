// SPDX-License-Identifier: Apache-2.0
package dev.caravan.contract;

import java.io.Closeable;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntFunction;

/**
 * A port of 127.0.0.1 behind which a server stands, and a network between the two that fails on
 * command. Two threads for each connection; thread-safe.
 */
public final class TcpProxy implements AutoCloseable {
  /** What happens to the bytes of one side on their way to the other. */
  public interface Filter {
    /** Copies until the end. */
    void copy(InputStream from, OutputStream to) throws IOException;
  }

  private static final long FOREVER = Long.MAX_VALUE;
  private static final int BUFFER_SIZE = 64 * 1024;

  private final Filter toClient;
  private final Filter toServer;
  private final Set<Connection> connections = ConcurrentHashMap.newKeySet();
  private final AtomicLong bytesFromServer = new AtomicLong();
  private final Object gate = new Object();
  private InetSocketAddress target;
  private ServerSocket listening;
  private boolean stalled;
  private long bytesUntilCut = FOREVER;
  private int cuts;

  /** A port that nobody else gets, where connections wait until {@link #open}. */
  TcpProxy() throws IOException {
    this(port -> InputStream::transferTo);
  }

  /**
   * @param filter made for the proxy's port
   */
  TcpProxy(IntFunction<Filter> filter) throws IOException {
    listening = listen(0);
    this.toClient = filter.apply(port());
    this.toServer = InputStream::transferTo;
  }

  /**
   * @param toServer what happens to the bytes of clients
   */
  public TcpProxy(Filter toServer) throws IOException {
    listening = listen(0);
    this.toClient = InputStream::transferTo;
    this.toServer = toServer;
  }

  private static ServerSocket listen(int port) throws IOException {
    ServerSocket socket = new ServerSocket();
    socket.setReuseAddress(true);
    socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    return socket;
  }

  int port() {
    return listening.getLocalPort();
  }

  public String address() {
    return "127.0.0.1:" + port();
  }

  /** Lets connections through to a server. */
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
            connections.add(connection);
            connection.start();
          }
        });
  }

  /** Refuses connections, and breaks those that there are. */
  synchronized void goDown() throws IOException {
    listening.close();
    cut();
  }

  /** Takes connections again, at the same port. */
  synchronized void comeUp() throws IOException {
    listening = listen(listening.getLocalPort());
    accept(listening);
  }

  /** Breaks all connections; clients can connect again at once. */
  public void cut() {
    connections.forEach(Connection::close);
  }

  /**
   * Breaks all connections when the servers have sent so many bytes more, in the midst of a frame.
   */
  void cutAfter(long bytes) {
    synchronized (gate) {
      bytesUntilCut = bytes;
    }
  }

  /** How often {@link #cutAfter} has come to pass. */
  int cuts() {
    synchronized (gate) {
      return cuts;
    }
  }

  /** Forwards nothing any more on the connections that there are, and does not close them. */
  void halfOpen() {
    connections.forEach(connection -> connection.dead = true);
  }

  /** Forwards nothing, on whichever connection, until {@link #resume}. */
  void stall() {
    synchronized (gate) {
      stalled = true;
    }
  }

  void resume() {
    synchronized (gate) {
      stalled = false;
      gate.notifyAll();
    }
  }

  /** How many bytes servers have sent to clients in all. */
  long bytesFromServer() {
    return bytesFromServer.get();
  }

  /** How many connections stand. */
  int connections() {
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

  /** An exception means that a socket was closed, by whichever side. */
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

  private final class Connection implements Closeable {
    private final Socket client;
    private final Socket server = new Socket();
    private volatile boolean closed;
    private volatile boolean dead;

    Connection(Socket client) {
      this.client = client;
    }

    void start() {
      TcpProxy.start(
          () -> {
            try {
              awaitOpen(this);
              server.connect(target);
              client.setTcpNoDelay(true);
              server.setTcpNoDelay(true);
            } catch (IOException e) {
              close();
              throw e;
            }
            pump(toServer, client, server, false);
            pump(toClient, server, client, true);
          });
    }

    private void pump(Filter through, Socket from, Socket to, boolean fromServer) {
      TcpProxy.start(
          () -> {
            try (Connection both = this) {
              through.copy(from.getInputStream(), new Gate(both, to.getOutputStream(), fromServer));
            }
          });
    }

    @Override
    public void close() {
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
  }

  /** Waits while the connection is stalled. */
  private void awaitOpen(Connection connection) throws IOException {
    synchronized (gate) {
      while ((stalled || connection.dead) && !connection.closed) {
        try {
          gate.wait();
        } catch (InterruptedException e) {
          throw new InterruptedIOException();
        }
      }
    }
  }

  /** The way into a socket, which stalls and breaks as the proxy is told. */
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
      for (int at = 0; at < length; at += BUFFER_SIZE) {
        forward(bytes, offset + at, Math.min(BUFFER_SIZE, length - at));
      }
    }

    private void forward(byte[] bytes, int offset, int length) throws IOException {
      awaitOpen(connection);
      int allowed = fromServer ? take(length) : length;
      out.write(bytes, offset, allowed);
      if (allowed < length) {
        cut();
      }
    }

    /** Counts bytes, and returns how many of them come before the cut. */
    private int take(int length) {
      synchronized (gate) {
        int allowed = (int) Math.min(length, bytesUntilCut);
        if (allowed < length) {
          bytesUntilCut = FOREVER;
          cuts++;
        } else if (bytesUntilCut != FOREVER) {
          bytesUntilCut -= length;
        }
        bytesFromServer.addAndGet(allowed);
        return allowed;
      }
    }
  }
}
