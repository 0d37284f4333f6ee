// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A Couchbase node in this process, on a real TCP port: documents in memory, the KV protocol and
 * DCP.
 *
 * <p>Thread-safe. {@link #close} disconnects all clients and forgets the documents.
 */
public final class CouchbaseNode implements AutoCloseable {
  /** The name of the administrator, who may do everything. */
  public static final String ADMINISTRATOR = Accounts.ADMINISTRATOR;

  /** The administrator's password. */
  public static final String ADMINISTRATOR_PASSWORD = Accounts.ADMINISTRATOR_PASSWORD;

  private static final int EVENT_LOOPS = 2;
  private static final int BACKLOG = 1024;
  private static final WriteBufferWaterMark WATER_MARK =
      new WriteBufferWaterMark(256 * 1024, 1024 * 1024);

  private final int vbuckets;
  private final Duration idleTimeout;
  private final Accounts accounts;
  private final Map<String, Bucket> buckets = new ConcurrentSkipListMap<>();
  private final Set<Session> sessions = ConcurrentHashMap.newKeySet();
  private final EventLoopGroup eventLoops;
  private final Channel server;
  private final ClusterConfig clusterConfig;

  private CouchbaseNode(Builder builder) throws IOException {
    vbuckets = builder.vbuckets;
    idleTimeout = builder.idleTimeout;
    accounts = builder.accounts;
    builder.buckets.forEach(this::createBucket);
    eventLoops =
        new NioEventLoopGroup(EVENT_LOOPS, new DefaultThreadFactory("couchbase-node", true));
    server = bind(builder.host, builder.port);
    clusterConfig = new ClusterConfig(port());
    server.config().setAutoRead(true);
  }

  /** Binds without accepting anybody yet: the cluster map needs the port first. */
  private Channel bind(String host, int port) throws IOException {
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
                    channel.pipeline().addLast(new ProtocolDetector(CouchbaseNode.this));
                  }
                });
    var bound = bootstrap.bind(host, port).awaitUninterruptibly();
    if (!bound.isSuccess()) {
      eventLoops.shutdownGracefully();
      throw new IOException(
          "can't listen on " + host + ":" + port + ": " + bound.cause().getMessage(),
          bound.cause());
    }
    return bound.channel();
  }

  public static Builder builder() {
    return new Builder();
  }

  public String host() {
    return ((InetSocketAddress) server.localAddress()).getAddress().getHostAddress();
  }

  public int port() {
    return ((InetSocketAddress) server.localAddress()).getPort();
  }

  /** What Couchbase clients take to find the node: {@code couchbase://host:port}. */
  public String connectionString() {
    return "couchbase://" + host() + ":" + port();
  }

  /**
   * The bucket of this name.
   *
   * @throws IllegalArgumentException when there is none
   */
  public Bucket bucket(String name) {
    Bucket bucket = buckets.get(name);
    if (bucket == null) {
      throw new IllegalArgumentException(
          "there is no bucket \"" + name + "\"; the node has " + buckets.keySet());
    }
    return bucket;
  }

  /**
   * Makes an empty bucket, and a user of its name with an empty password.
   *
   * @throws IllegalArgumentException when it exists already
   */
  public Bucket createBucket(String name) {
    Bucket created = new Bucket(name, vbuckets);
    if (buckets.putIfAbsent(name, created) != null) {
      throw new IllegalArgumentException("bucket \"" + name + "\" exists already");
    }
    accounts.addBucket(name);
    return created;
  }

  /** Removes a bucket and disconnects the clients that use it. */
  public void dropBucket(String name) {
    Bucket dropped = bucket(name);
    buckets.remove(name);
    accounts.removeBucket(name);
    clusterConfig.forget(dropped);
    disconnect(session -> session.uses(dropped));
  }

  /**
   * Publishes a new revision of a bucket's map, in which only its active vBuckets have an owner,
   * and pushes it to the clients that asked for that: what the cluster manager does after a change.
   */
  public void publishClusterMap(String bucketName) {
    Bucket bucket = bucket(bucketName);
    push(bucket, clusterConfig.renew(bucket));
  }

  /** Publishes a map that was made elsewhere; returns false when the present one is newer. */
  boolean publishClusterMap(Bucket bucket, ClusterConfig.Revision revision) {
    boolean accepted = clusterConfig.accept(bucket, revision);
    if (accepted) {
      push(bucket, revision);
    }
    return accepted;
  }

  private void push(Bucket bucket, ClusterConfig.Revision revision) {
    sessions.forEach(session -> session.push(bucket, revision));
  }

  /** How long a DCP client may be silent before it is disconnected. */
  Duration idleTimeout() {
    return idleTimeout;
  }

  /** Breaks all connections, as a network that fails does; clients can connect again at once. */
  public void disconnectAll() {
    disconnect(session -> true);
  }

  private void disconnect(Predicate<Session> which) {
    sessions.stream().filter(which).forEach(Session::close);
  }

  @Nullable Bucket findBucket(String name) {
    return buckets.get(name);
  }

  Set<String> bucketNames() {
    return buckets.keySet();
  }

  Accounts accounts() {
    return accounts;
  }

  ClusterConfig clusterConfig() {
    return clusterConfig;
  }

  void connected(Session session) {
    sessions.add(session);
  }

  void disconnected(Session session) {
    sessions.remove(session);
  }

  @Override
  public void close() {
    server.close().awaitUninterruptibly();
    disconnectAll();
    eventLoops.shutdownGracefully(0, 2, TimeUnit.SECONDS).awaitUninterruptibly();
  }

  /** What a node is made of. Not thread-safe. */
  public static final class Builder {
    private static final int MAX_VBUCKETS = 1024;

    private final Accounts accounts = new Accounts();
    private final List<String> buckets = new ArrayList<>();
    private String host = "127.0.0.1";
    private int port;
    private int vbuckets = MAX_VBUCKETS;
    private Duration idleTimeout = Duration.ofMinutes(6);

    private Builder() {}

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

    /**
     * How many vBuckets each bucket has: 1024 by default.
     *
     * @throws IllegalArgumentException unless it is a power of two from 1 to 1024
     */
    public Builder vbuckets(int vbuckets) {
      if (vbuckets < 1 || vbuckets > MAX_VBUCKETS || Integer.bitCount(vbuckets) != 1) {
        throw new IllegalArgumentException(
            "vbuckets must be a power of two from 1 to " + MAX_VBUCKETS + ", was " + vbuckets);
      }
      this.vbuckets = vbuckets;
      return this;
    }

    /** Adds a bucket, and a user of its name with an empty password. */
    public Builder bucket(String name) {
      buckets.add(name);
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

    /** How long a DCP client may be silent before it is disconnected: 360 s by default. */
    public Builder idleTimeout(Duration timeout) {
      idleTimeout = timeout;
      return this;
    }

    /**
     * Starts the node.
     *
     * @throws IOException when it can't listen on the port
     */
    public CouchbaseNode start() throws IOException {
      return new CouchbaseNode(this);
    }
  }
}
