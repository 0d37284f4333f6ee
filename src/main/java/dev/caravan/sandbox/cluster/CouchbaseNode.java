// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.cluster;

import dev.caravan.sandbox.kv.auth.Accounts;
import dev.caravan.sandbox.kv.auth.Privilege;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.sandbox.kv.bucket.ClusterConfig;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A Couchbase node in this process, on a real TCP port: documents in memory, the KV protocol and
 * DCP. It is alone, or one of a {@link CouchbaseCluster}.
 *
 * <p>Thread-safe. {@link #close} disconnects all clients and forgets the documents.
 */
public final class CouchbaseNode implements AutoCloseable {
  /** The name of the administrator, who may do everything. */
  public static final String ADMINISTRATOR = Accounts.ADMINISTRATOR;

  /** The requests that a node refuses. */
  public enum Refusal {
    NOTHING,

    /** Every login, as if the password were wrong: AUTH_ERROR. */
    LOGIN,

    /** Every bucket, as if the user had no rights: EACCESS. */
    ACCESS
  }

  /** The administrator's password. */
  public static final String ADMINISTRATOR_PASSWORD = Accounts.ADMINISTRATOR_PASSWORD;

  private static final int EVENT_LOOPS = 2;
  private static final int BACKLOG = 1024;
  private static final WriteBufferWaterMark WATER_MARK =
      new WriteBufferWaterMark(256 * 1024, 1024 * 1024);

  private final ClusterState cluster;
  private final NodeService service;

  /** How long the port of a node that was stopped may take to be free. */
  private static final Duration PORT_FREE = Duration.ofSeconds(5);

  private static final Duration PORT_POLL = Duration.ofMillis(5);

  private final ChannelGroup channels = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
  private final EventLoopGroup eventLoops;
  private final InetSocketAddress address;
  private volatile Channel server;
  private volatile long delayMillis;

  /**
   * Binds without accepting clients, because the cluster map needs the port first.
   *
   * @param number its number in the cluster
   * @param port 0 takes any free one
   * @throws IOException when it can't listen on the port
   */
  CouchbaseNode(ClusterState cluster, int number, String host, int port, Duration idleTimeout)
      throws IOException {
    this.cluster = cluster;
    service = new NodeService(cluster, number, idleTimeout);
    eventLoops =
        new NioEventLoopGroup(EVENT_LOOPS, new DefaultThreadFactory("couchbase-node", true));
    try {
      server = bind(new InetSocketAddress(host, port));
    } catch (IOException e) {
      eventLoops.shutdownGracefully();
      throw e;
    }
    address = (InetSocketAddress) server.localAddress();
  }

  private Channel bind(InetSocketAddress wanted) throws IOException {
    ServerBootstrap bootstrap =
        new ServerBootstrap()
            .group(eventLoops)
            .channel(NioServerSocketChannel.class)
            .option(ChannelOption.SO_BACKLOG, BACKLOG)
            .option(ChannelOption.SO_REUSEADDR, true)
            .option(ChannelOption.AUTO_READ, false)
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, WATER_MARK)
            .childHandler(
                new ChannelInitializer<SocketChannel>() {
                  @Override
                  protected void initChannel(SocketChannel channel) {
                    channels.add(channel);
                    channel
                        .pipeline()
                        .addLast(new Link(() -> delayMillis))
                        .addLast(new ProtocolDetector(service));
                  }
                });
    var bound = bootstrap.bind(wanted).awaitUninterruptibly();
    if (!bound.isSuccess()) {
      throw new IOException(
          "can't listen on "
              + wanted.getHostString()
              + ":"
              + wanted.getPort()
              + ": "
              + bound.cause().getMessage(),
          bound.cause());
    }
    return bound.channel();
  }

  /** Takes clients from now on. */
  void accept() {
    server.config().setAutoRead(true);
  }

  public static Builder builder() {
    return new Builder();
  }

  /** Its number in its cluster, from 0 on. */
  public int number() {
    return service.number();
  }

  public String host() {
    return address.getAddress().getHostAddress();
  }

  public int port() {
    return address.getPort();
  }

  /** The connection string of the node alone: {@code couchbase://host:port}. */
  public String connectionString() {
    return "couchbase://" + host() + ":" + port();
  }

  /**
   * The bucket of this name.
   *
   * @throws IllegalArgumentException when there is none
   */
  public Bucket bucket(String name) {
    return cluster.bucket(name);
  }

  /**
   * Makes an empty bucket on a single node, and a user of its name with an empty password.
   *
   * @throws IllegalArgumentException when it exists already
   */
  public Bucket createBucket(String name) {
    return cluster.add(cluster.newBucket(name, false));
  }

  /** Removes a bucket and disconnects the clients that use it. */
  public void dropBucket(String name) {
    disconnect(cluster.remove(name));
  }

  /**
   * Publishes a new revision of a bucket's map as the cluster manager does after a change. Only
   * active vBuckets have an owner in it. Clients that asked for pushed maps receive it.
   */
  public void publishClusterMap(String bucketName) {
    Bucket bucket = bucket(bucketName);
    push(bucket, cluster.config().renew(bucket));
  }

  /** Sends a new map to the clients that asked for it. */
  void push(Bucket bucket, ClusterConfig.Revision revision) {
    service.push(bucket, revision);
  }

  /** Breaks all connections as a failing network does; clients can connect again at once. */
  public void disconnectAll() {
    channels.close();
  }

  /** Breaks the connections that use a bucket. */
  void disconnect(Bucket bucket) {
    service.disconnect(bucket);
  }

  /**
   * Makes all present connections half-open: nothing passes in either direction, and neither side
   * notices. New connections work.
   */
  public void halfOpen() {
    channels.forEach(channel -> channel.pipeline().get(Link.class).silence());
  }

  /**
   * Delays the input of all connections, and with it replies and DCP acknowledgements.
   *
   * @param delay zero for none, which is how a node starts
   */
  public void delay(Duration delay) {
    if (delay.isNegative()) {
      throw new IllegalArgumentException("delay must not be negative, was " + delay);
    }
    delayMillis = delay.toMillis();
  }

  /**
   * Refuses clients from now on and breaks present connections. The other nodes of its cluster are
   * not affected.
   */
  public void refuse(Refusal changed) {
    service.refuse(changed);
    disconnectAll();
  }

  /**
   * Removes a bucket from this node, while the other nodes have it and the map still names this
   * node. This happens when a node comes back without its bucket. Connections that use the bucket
   * break.
   *
   * @throws IllegalArgumentException when there is no such bucket
   */
  public void unloadBucket(String name) {
    Bucket bucket = bucket(name);
    service.unload(name);
    disconnect(bucket);
  }

  /** Ends the effect of {@link #unloadBucket}. */
  public void loadBucket(String name) {
    service.load(name);
  }

  /** Whether it listens, which it doesn't between {@link #stop} and {@link #start}. */
  public boolean isRunning() {
    return server.isOpen();
  }

  /**
   * Stops listening and breaks all connections, as a process that ends does. Documents stay on
   * disk.
   */
  public synchronized void stop() {
    server.close().awaitUninterruptibly();
    disconnectAll();
    cluster.buckets().forEach(bucket -> bucket.forgetMemory(number()));
  }

  /**
   * Listens again after {@link #stop}, on the same port.
   *
   * @throws IOException when another program took the port
   */
  public synchronized void start() throws IOException {
    if (!isRunning()) {
      server = bindAgain();
      accept();
    }
  }

  /** The system frees the port only when the event loop has processed its closed channels. */
  private Channel bindAgain() throws IOException {
    long deadline = System.nanoTime() + PORT_FREE.toNanos();
    while (true) {
      try {
        return bind(address);
      } catch (IOException e) {
        if (System.nanoTime() - deadline > 0) {
          throw e;
        }
        LockSupport.parkNanos(PORT_POLL.toNanos());
      }
    }
  }

  /** The number of requests of all kinds since the node was made. */
  public long requestCount() {
    return service.requestCount();
  }

  @Override
  public void close() {
    stop();
    eventLoops.shutdownGracefully(0, 2, TimeUnit.SECONDS).awaitUninterruptibly();
  }

  /** The settings of a node. Not thread-safe. */
  public static final class Builder extends ServerBuilder<Builder> {
    private final Accounts accounts = new Accounts();
    private String host = "127.0.0.1";
    private int port;

    private Builder() {}

    @Override
    Builder self() {
      return this;
    }

    /** The address to listen on; 127.0.0.1 by default. */
    public Builder host(String host) {
      this.host = host;
      return this;
    }

    /** The KV port; 0, the default, takes a free one. */
    public Builder port(int port) {
      this.port = port;
      return this;
    }

    /** Adds a user without any rights. */
    public Builder user(String name, String password) {
      accounts.add(name, password);
      return this;
    }

    /**
     * Gives a user that was added before rights in a bucket, in place of those it had there.
     *
     * @param bucket a name, or {@code *} for all buckets
     */
    public Builder grant(String user, String bucket, Set<Privilege> privileges) {
      accounts.grant(user, bucket, privileges);
      return this;
    }

    /**
     * Gives a user that was added before rights in one collection only.
     *
     * @param scope names, as the scope and the collection need not exist yet
     * @param collection null for all collections of the scope
     */
    public Builder grant(
        String user,
        String bucket,
        String scope,
        @Nullable String collection,
        Set<Privilege> privileges) {
      accounts.grant(user, bucket, scope, collection, privileges);
      return this;
    }

    /**
     * Starts the node.
     *
     * @throws IOException when it can't listen on the port
     */
    public CouchbaseNode start() throws IOException {
      ClusterState state = new ClusterState(vbuckets, 0, false, limits, accounts);
      CouchbaseNode node = new CouchbaseNode(state, 0, host, port, idleTimeout);
      state.config().members(List.of(new ClusterConfig.Member(0, node.host(), node.port())));
      buckets.forEach(node::createBucket);
      node.accept();
      return node;
    }
  }
}
