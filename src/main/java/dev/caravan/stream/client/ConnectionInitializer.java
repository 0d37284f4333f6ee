// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import com.couchbase.client.core.deps.io.netty.channel.Channel;
import com.couchbase.client.core.deps.io.netty.channel.ChannelPipeline;
import com.couchbase.client.core.util.HostAndPort;
import com.couchbase.client.dcp.Authenticator;
import com.couchbase.client.dcp.PasswordAuthenticator;
import com.couchbase.client.dcp.StaticCredentialsProvider;
import com.couchbase.client.dcp.conductor.DcpChannel;
import dev.caravan.stream.cluster.NodeConnections;
import dev.caravan.stream.flow.MemoryBudget;
import dev.caravan.stream.persistence.PersistenceMonitor;
import dev.caravan.stream.progress.LastReceivedSeqnos;
import dev.caravan.stream.progress.VbucketStream;
import dev.caravan.stream.rollback.FailoverHistory;
import dev.caravan.stream.settings.StreamSettings.Login;
import java.util.Collection;
import java.util.Collections;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Adds our handlers to each connection that the client makes for one session. The client's builder
 * has no hook for that except the authenticator, which the client calls with the new connection's
 * pipeline. Our handlers come before the client's, so that they see each frame first.
 *
 * <p>Thread-safe.
 */
public final class ConnectionInitializer implements Authenticator {
  /** Takes note of streams that Couchbase has opened. */
  public interface StreamListener {
    void streamOpened(ConnectionMonitor connection, VbucketStream stream, FailoverHistory history);
  }

  private final String bucket;
  private final Supplier<Login> login;
  private final int window;
  private final NodeConnections nodes;
  private final LastReceivedSeqnos lastReceived;
  private final IntFunction<@Nullable VbucketStream> streams;
  private final @Nullable PersistenceMonitor persistence;
  private final BiConsumer<String, String> onClusterMap;
  private final MisdirectedRequests misdirected;
  private final StreamListener onStream;
  private final Set<Channel> channels = ConcurrentHashMap.newKeySet();
  private final Set<ConnectionMonitor> monitors = ConcurrentHashMap.newKeySet();

  /**
   * @param login asked at every connection
   * @param window the size of a connection's flow-control window, in bytes
   * @param streams of the session, by vBucket; null for one that is not read
   * @param persistence null if changes are not held back until they are persisted
   * @param onClusterMap called with each cluster map, as JSON, and the host that sent it
   */
  public ConnectionInitializer(
      String bucket,
      Supplier<Login> login,
      int window,
      NodeConnections nodes,
      LastReceivedSeqnos lastReceived,
      IntFunction<@Nullable VbucketStream> streams,
      @Nullable PersistenceMonitor persistence,
      BiConsumer<String, String> onClusterMap,
      MisdirectedRequests misdirected,
      StreamListener onStream) {
    this.bucket = bucket;
    this.login = login;
    this.window = window;
    this.nodes = nodes;
    this.lastReceived = lastReceived;
    this.streams = streams;
    this.persistence = persistence;
    this.onClusterMap = onClusterMap;
    this.misdirected = misdirected;
    this.onStream = onStream;
  }

  @Override
  public void authKeyValueConnection(ChannelPipeline pipeline) {
    Login user = login.get();
    Channel channel = pipeline.channel();
    HostAndPort address = DcpChannel.getHostAndPort(channel);
    channels.add(channel);
    channel.closeFuture().addListener(future -> channels.remove(channel));
    pipeline.addLast(monitor(channel));
    if (persistence != null) {
      pipeline.addLast(new PersistenceGate(address.format(), persistence));
    }
    pipeline.addLast(new ClusterMapHandler(map -> onClusterMap.accept(map, address.host())));
    pipeline.addLast(new HandshakeHandler(address.format(), bucket, user.username(), nodes));
    new PasswordAuthenticator(new StaticCredentialsProvider(user.username(), user.password()))
        .authKeyValueConnection(pipeline);
  }

  private ConnectionMonitor monitor(Channel channel) {
    ConnectionMonitor monitor =
        new ConnectionMonitor(
            channel,
            lastReceived,
            window,
            new StreamRequests(
                streams,
                lastReceived,
                misdirected,
                (stream, history) ->
                    onStream.streamOpened(
                        channel.pipeline().get(ConnectionMonitor.class), stream, history)));
    monitors.add(monitor);
    MemoryBudget.WINDOWS.enter();
    channel
        .closeFuture()
        .addListener(
            future -> {
              monitors.remove(monitor);
              MemoryBudget.WINDOWS.leave();
            });
    return monitor;
  }

  /** The monitors of the connections that exist now. */
  public Collection<ConnectionMonitor> monitors() {
    return Collections.unmodifiableSet(monitors);
  }

  /** Closes the connections that are left, also those in their handshake. */
  public void closeConnections() {
    channels.forEach(Channel::close);
  }
}
