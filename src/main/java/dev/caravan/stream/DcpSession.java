// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import com.couchbase.client.core.deps.io.netty.buffer.ByteBuf;
import com.couchbase.client.core.deps.io.netty.buffer.ByteBufUtil;
import com.couchbase.client.core.deps.io.netty.channel.Channel;
import com.couchbase.client.core.deps.io.netty.channel.ChannelPipeline;
import com.couchbase.client.core.deps.io.netty.channel.EventLoopGroup;
import com.couchbase.client.dcp.Authenticator;
import com.couchbase.client.dcp.Client;
import com.couchbase.client.dcp.PasswordAuthenticator;
import com.couchbase.client.dcp.StaticCredentialsProvider;
import com.couchbase.client.dcp.StreamTo;
import com.couchbase.client.dcp.conductor.DcpChannel;
import com.couchbase.client.dcp.config.CompressionMode;
import com.couchbase.client.dcp.config.DcpControl;
import com.couchbase.client.dcp.core.event.CouchbaseEvent;
import com.couchbase.client.dcp.events.DcpFailureEvent;
import com.couchbase.client.dcp.events.StreamEndEvent;
import com.couchbase.client.dcp.highlevel.SnapshotMarker;
import com.couchbase.client.dcp.highlevel.StreamOffset;
import com.couchbase.client.dcp.highlevel.internal.CollectionsManifest;
import com.couchbase.client.dcp.highlevel.internal.CollectionsManifest.CollectionInfo;
import com.couchbase.client.dcp.highlevel.internal.KeyExtractor;
import com.couchbase.client.dcp.message.DcpMutationMessage;
import com.couchbase.client.dcp.message.DcpSeqnoAdvancedRequest;
import com.couchbase.client.dcp.message.DcpSnapshotMarkerRequest;
import com.couchbase.client.dcp.message.DcpSystemEventRequest;
import com.couchbase.client.dcp.message.MessageUtil;
import com.couchbase.client.dcp.message.RollbackMessage;
import com.couchbase.client.dcp.state.PartitionState;
import com.couchbase.client.dcp.transport.netty.ChannelFlowController;
import dev.caravan.offset.Offset;
import dev.caravan.stream.ConnectionFailure.Reason;
import dev.caravan.stream.StreamSettings.Login;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/**
 * One life of the official DCP client for one bucket: connects, opens streams, turns what arrives
 * into {@link DcpChange}s and {@link Progress}, until it fails or is closed. A new one is made
 * after that, from the acknowledged prefix.
 *
 * <p>The client reconnects by itself when a connection drops and follows moving vBuckets; then
 * streams go on after the last event that was received, and nothing here ends. What it can't mend
 * ends the session: {@link #failure} tells why.
 *
 * <p>It uses the client's low-level handlers: per document they cost one {@link DcpChange} and one
 * {@link Position}, and the value is copied off the Netty buffer once, still compressed. Each
 * handler releases the buffer that it is given, whatever happens.
 *
 * <p>Thread-safe. The handlers run on event loops and never block; a vBucket's events come from one
 * event loop at a time, and the client hands a moved vBucket over through its executors, which
 * makes the state in {@link VbucketStream} visible to the next one.
 */
final class DcpSession {
  private static final Logger LOG = LoggerFactory.getLogger(DcpSession.class);

  /**
   * A lower mark than the client's own 80 % lets the server refill the window while the rest of it
   * is still being worked on.
   */
  private static final int ACKNOWLEDGE_AT_PERCENT = 20;

  /** The lowest that a server accepts, so that a dead node is noticed within twice that. */
  private static final int NOOP_INTERVAL_SECONDS = 20;

  private static final byte[] NO_VALUE = new byte[0];

  private final StreamSettings settings;
  private final BucketStream stream;
  private final Progress progress;
  private final ChangeSink sink;
  private final EventLoopGroup eventLoops;
  private final NodeConnections connections;
  private final CompletableFuture<Void> decisiveFailure = new CompletableFuture<>();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();
  private final AtomicInteger rollbacks;
  private final AtomicLong heldBytes = new AtomicLong();
  private volatile int largestMessage;
  private final Set<Channel> handshaking = ConcurrentHashMap.newKeySet();
  private final CompletableFuture<Void> disconnected = new CompletableFuture<>();
  private volatile Client client;
  private boolean connecting;
  private volatile CompletableFuture<Void> connected;
  private volatile boolean closed;
  private volatile VbucketStream[] vbuckets = new VbucketStream[0];

  DcpSession(
      StreamSettings settings,
      BucketStream stream,
      Progress progress,
      ChangeSink sink,
      EventLoopGroup eventLoops,
      AtomicInteger rollbacks) {
    this.settings = settings;
    this.stream = stream;
    this.progress = progress;
    this.sink = sink;
    this.eventLoops = eventLoops;
    this.rollbacks = rollbacks;
    this.connections =
        new NodeConnections(settings.seedNodes().hosts().size(), this::connectionFailed);
  }

  String bucket() {
    return stream.bucket();
  }

  BucketStream stream() {
    return stream;
  }

  Progress progress() {
    return progress;
  }

  /**
   * Connects to the cluster and waits for the bucket's configuration.
   *
   * @return fails with a {@link ConnectionFailure} that names what is wrong, as soon as that is
   *     clear
   */
  CompletableFuture<Void> connect() {
    synchronized (this) {
      connecting = true;
    }
    // Making a client may look up DNS SRV records, so that isn't for the lane either.
    connected =
        Mono.fromCallable(this::newClient)
            .subscribeOn(Schedulers.boundedElastic())
            .flatMap(Client::connect)
            .toFuture();
    CompletableFuture<Object> first = CompletableFuture.anyOf(connected, decisiveFailure);
    return first.handle(
        (ignored, error) -> {
          if (error != null) {
            if (client == null) {
              disconnected.complete(null);
            }
            throw new CompletionException(named(error));
          }
          return null;
        });
  }

  private Client newClient() {
    Client.Builder builder =
        Client.builder()
            .connectionString(settings.seedNodes().toString())
            .bucket(bucket())
            .authenticator(new WatchedAuthenticator())
            .userAgent("caravan", version(), bucket())
            .eventLoopGroup(eventLoops)
            .collectionsAware(true)
            .collectionNames(settings.collections())
            .bufferAckWatermark(ACKNOWLEDGE_AT_PERCENT)
            .flowControl(settings.flowControlBufferSize())
            .compression(
                settings.compression() ? CompressionMode.ENABLED : CompressionMode.DISABLED)
            .noValue(settings.noValue())
            .xattrs(settings.xattrs())
            .controlParam(DcpControl.Names.SET_NOOP_INTERVAL, NOOP_INTERVAL_SECONDS)
            // Servers before 6.5 don't know it and send expirations as deletions.
            .optionalControlParam(DcpControl.Names.ENABLE_EXPIRY_OPCODE.value(), "true")
            .socketConnectTimeout(settings.connectTimeout().toMillis())
            .bootstrapTimeout(settings.bootstrapTimeout())
            .securityConfig(
                security -> {
                  security.enableHostnameVerification(settings.hostnameVerification());
                  if (settings.trustCertificate() != null) {
                    security.trustCertificate(settings.trustCertificate());
                  }
                });
    Client created = builder.build();
    created.controlEventHandler(this::onControl);
    created.dataEventHandler(this::onData);
    created.systemEventHandler(this::onSystemEvent);
    boolean closedMeanwhile;
    synchronized (this) {
      client = created;
      closedMeanwhile = closed;
    }
    if (closedMeanwhile) {
      disconnect(created);
      throw new IllegalStateException("Closed while connecting.");
    }
    return created;
  }

  private static String version() {
    String version = DcpSession.class.getPackage().getImplementationVersion();
    return version == null ? "dev" : version;
  }

  private Login login() {
    return settings.login().apply(bucket());
  }

  /** The number of the bucket's vBuckets. Only once connected. */
  int vbucketCount() {
    return client.numPartitions();
  }

  /** The offsets at which the bucket's vBuckets stand now. Only once connected. */
  CompletableFuture<Map<Integer, Offset>> currentOffsets(List<Integer> of) {
    return client
        .initializeState(com.couchbase.client.dcp.StreamFrom.NOW, StreamTo.INFINITY)
        .then(
            Mono.fromCallable(
                () -> {
                  Map<Integer, Offset> offsets = new HashMap<>();
                  for (int vbucket : of) {
                    offsets.put(vbucket, offset(client.sessionState().get(vbucket).getOffset()));
                  }
                  return offsets;
                }))
        .toFuture();
  }

  /**
   * Opens streams. Only once connected.
   *
   * @return completes when every stream is open, however long that takes; fails if one can't be
   */
  CompletableFuture<Void> open(Map<Integer, Offset> from) {
    if (from.isEmpty()) {
      return CompletableFuture.completedFuture(null);
    }
    VbucketStream[] streams = new VbucketStream[client.numPartitions()];
    Map<Integer, StreamOffset> offsets = new HashMap<>();
    from.forEach(
        (vbucket, offset) -> {
          streams[vbucket] = new VbucketStream(vbucket);
          offsets.put(vbucket, streamOffset(offset));
        });
    vbuckets = streams;
    return client
        .resumeStreaming(offsets)
        .toFuture()
        .handle(
            (ignored, error) -> {
              if (error != null) {
                throw new CompletionException(named(error));
              }
              return null;
            });
  }

  private static Offset offset(StreamOffset offset) {
    return new Offset(
        offset.getVbuuid(),
        offset.getSeqno(),
        offset.getSnapshot().getStartSeqno(),
        offset.getSnapshot().getEndSeqno(),
        offset.getCollectionsManifestUid());
  }

  private static StreamOffset streamOffset(Offset offset) {
    return new StreamOffset(
        offset.vbuuid(),
        offset.bySeqno(),
        new SnapshotMarker(offset.snapshotStartSeqno(), offset.snapshotEndSeqno()),
        offset.collectionsManifestUid());
  }

  /** Why the session is over; null while it isn't. */
  Throwable failure() {
    return failure.get();
  }

  /**
   * What is wrong with a connection right now, even if the client is still trying; null if nothing
   * is.
   */
  ConnectionFailure connectionFailure() {
    return connections.failure();
  }

  /**
   * Ends the session if there has been no connection for so long that the nodes have to be looked
   * up anew.
   */
  void failIfDisconnectedFor(long nanos) {
    if (connections.noneForNanos() > nanos) {
      fail(connections.failure());
    }
  }

  int openStreams() {
    int open = 0;
    for (VbucketStream vbucket : vbuckets) {
      if (vbucket != null && isOpen(vbucket.number)) {
        open++;
      }
    }
    return open;
  }

  private boolean isOpen(int vbucket) {
    try {
      return client.streamIsOpen(vbucket);
    } catch (RuntimeException notConnected) {
      return false;
    }
  }

  boolean isClosed() {
    return closed;
  }

  /**
   * Stops the flow of changes at once and disconnects in the background. Idempotent.
   *
   * @return completes when every connection is closed
   */
  CompletableFuture<Void> close() {
    synchronized (this) {
      if (closed) {
        return disconnected;
      }
      closed = true;
      if (client == null) {
        if (!connecting) {
          disconnected.complete(null);
        }
        // Otherwise the client is just being made, and is disconnected once it is.
        return disconnected;
      }
    }
    disconnect(client);
    return disconnected;
  }

  private void disconnect(Client opened) {
    // An attempt to connect that is still waiting would disconnect a second time, much later.
    connected.cancel(true);
    opened
        .disconnect()
        .subscribe(
            ignored -> {}, error -> disconnected.complete(null), () -> disconnected.complete(null));
    // The client would wait until the handshake times out.
    handshaking.forEach(Channel::close);
  }

  private void fail(Throwable error) {
    if (!closed && failure.compareAndSet(null, named(error))) {
      sink.wakeUp();
    }
  }

  private void connectionFailed(ConnectionFailure reason) {
    if (closed) {
      return;
    }
    if (reason.isDecisive()) {
      decisiveFailure.completeExceptionally(reason);
      fail(reason);
    } else if (connections.allFailed()) {
      // A client that is connected already goes on trying; only an attempt to connect ends here.
      decisiveFailure.completeExceptionally(reason);
    }
    sink.wakeUp();
  }

  /**
   * Finds the words for an error: what the connections have seen is nearer to the cause than what
   * the client reports.
   */
  private Throwable named(Throwable error) {
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      if (cause instanceof ConnectionFailure) {
        return cause;
      }
    }
    ConnectionFailure seen = connections.failure();
    if (seen != null) {
      return seen;
    }
    Throwable root = error;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    String nodes = String.join(", ", settings.seedNodes().hosts());
    if (root instanceof TimeoutException) {
      return new ConnectionFailure(
          Reason.UNREACHABLE,
          "No answer about bucket '" + bucket() + "' from " + nodes + ".",
          root);
    }
    if (root instanceof IOException) {
      return new ConnectionFailure(
          Reason.UNREACHABLE,
          "Couchbase at " + nodes + " can't be reached: " + root.getMessage(),
          root);
    }
    if (root.getMessage() != null && root.getMessage().startsWith("Can't stream from collection")) {
      return new ConnectionFailure(
          Reason.NO_SUCH_COLLECTION, "Bucket '" + bucket() + "': " + root.getMessage(), root);
    }
    return new ConnectionFailure(
        Reason.OTHER, "Bucket '" + bucket() + "' can't be streamed: " + error, error);
  }

  private void onSystemEvent(CouchbaseEvent event) {
    if (event instanceof DcpFailureEvent failed) {
      fail(failed.error());
    } else if (event instanceof StreamEndEvent end) {
      LOG.debug(
          "Stream of vBucket {} of bucket '{}' ended: {}", end.partition(), bucket(), end.reason());
    }
  }

  /** Once an event has been dropped, none after it may count, of whatever kind. */
  private boolean isOver() {
    return closed || failure.get() != null;
  }

  /** Owns the event and releases it. */
  private void onControl(ChannelFlowController window, ByteBuf event) {
    try {
      // None of these is handed on, so none has to be waited for.
      window.ack(event);
      if (isOver()) {
        return;
      }
      if (RollbackMessage.is(event)) {
        onRollback(RollbackMessage.vbucket(event), RollbackMessage.seqno(event));
        return;
      }
      VbucketStream vbucket = vbuckets[MessageUtil.getVbucket(event)];
      PartitionState state = client.sessionState().get(vbucket.number);
      if (DcpSnapshotMarkerRequest.is(event)) {
        vbucket.onSnapshot(
            state,
            DcpSnapshotMarkerRequest.startSeqno(event),
            DcpSnapshotMarkerRequest.endSeqno(event));
      } else if (DcpSeqnoAdvancedRequest.is(event)) {
        long seqno = DcpSeqnoAdvancedRequest.getSeqno(event);
        vbucket.onSnapshot(state, seqno, seqno);
        progress.advance(vbucket.number, vbucket.snapshot, seqno);
      } else if (DcpSystemEventRequest.is(event)) {
        vbucket.snapshot =
            vbucket.snapshot.withCollectionsManifestUid(state.getCollectionsManifestUid());
        progress.advance(vbucket.number, vbucket.snapshot, DcpSystemEventRequest.getSeqno(event));
      }
    } catch (Throwable error) {
      fail(error);
    } finally {
      event.release();
    }
  }

  /** Owns the event and releases it. */
  private void onData(ChannelFlowController window, ByteBuf event) {
    try {
      if (isOver() || !hold(event.readableBytes())) {
        return;
      }
      VbucketStream vbucket = vbuckets[MessageUtil.getVbucket(event)];
      PartitionState state = client.sessionState().get(vbucket.number);
      long seqno = DcpMutationMessage.bySeqno(event);
      int keyStart = MessageUtil.HEADER_SIZE + event.getByte(MessageUtil.EXTRAS_LENGTH_OFFSET);
      int keyEnd = keyStart + event.getShort(MessageUtil.KEY_LENGTH_OFFSET);
      long collectionId = 0;
      if (vbucket.keysHaveCollection) {
        int shift = 0;
        byte next;
        do {
          next = event.getByte(keyStart++);
          collectionId |= (long) (next & 0x7f) << shift;
          shift += 7;
        } while (next < 0);
      }
      Keyspace keyspace = vbucket.keyspace(state.getCollectionsManifest(), collectionId);
      if (!keyspace.selected()) {
        progress.advance(vbucket.number, vbucket.snapshot, seqno);
        window.ack(event);
        released(event.readableBytes());
        return;
      }
      sink.offer(change(window, event, vbucket, seqno, keyspace, keyStart, keyEnd));
    } catch (Throwable error) {
      fail(error);
    } finally {
      event.release();
    }
  }

  /**
   * Counts a message as held. Each connection that is made anew brings another window while that of
   * the lost one is still being worked on; more than two windows a node ends the session, so that
   * what is held stays bounded however often connections break.
   *
   * @return whether it may be held
   */
  private boolean hold(int bytes) {
    if (bytes > largestMessage) {
      largestMessage = bytes;
    }
    // A server sends one message more than fits.
    long limit =
        2L * connections.count() * ((long) settings.flowControlBufferSize() + largestMessage);
    if (heldBytes.addAndGet(bytes) <= limit) {
      return true;
    }
    fail(
        new ConnectionFailure(
            Reason.OTHER,
            "Connections for bucket '"
                + bucket()
                + "' broke while "
                + heldBytes.get()
                + " bytes of changes were not done; reading again when they are."));
    return false;
  }

  /** Notes that bytes of changes are not held any more. */
  void released(int bytes) {
    heldBytes.addAndGet(-bytes);
  }

  private DcpChange change(
      ChannelFlowController window,
      ByteBuf event,
      VbucketStream vbucket,
      long seqno,
      Keyspace keyspace,
      int keyStart,
      int keyEnd) {
    byte opcode = event.getByte(1);
    boolean mutation = opcode == MessageUtil.DCP_MUTATION_OPCODE;
    int valueSize = event.readableBytes() - keyEnd;
    return new DcpChange(
        this,
        window,
        event.readableBytes(),
        progress.add(vbucket.number, vbucket.snapshot, seqno),
        keyspace,
        event.toString(keyStart, keyEnd - keyStart, StandardCharsets.UTF_8),
        opcode,
        MessageUtil.getDataType(event),
        DcpMutationMessage.revisionSeqno(event),
        MessageUtil.getCas(event),
        mutation ? DcpMutationMessage.flags(event) : 0,
        mutation ? Integer.toUnsignedLong(DcpMutationMessage.expiry(event)) : 0,
        valueSize == 0 ? NO_VALUE : ByteBufUtil.getBytes(event, keyEnd, valueSize));
  }

  /**
   * The server has another history than the one asked for, from this seqno on. The stream goes on
   * from there in the history asked for: up to that seqno the two are the same. (The client's own
   * way forgets that history, and so is sent back to 0 by the next answer.)
   */
  private void onRollback(int vbucket, long seqno) {
    StreamOffset refused = client.sessionState().get(vbucket).getMostRecentOpenStreamOffset();
    LOG.warn(
        "Bucket '{}': Couchbase rolled back vBucket {} from seqno {} (vbuuid {}) to seqno {}; streaming again from there.",
        bucket(),
        vbucket,
        Long.toUnsignedString(refused.getSeqno()),
        Long.toHexString(refused.getVbuuid()),
        Long.toUnsignedString(seqno));
    rollbacks.incrementAndGet();
    StreamOffset from =
        seqno == 0
            ? StreamOffset.ZERO
            : new StreamOffset(refused.getVbuuid(), seqno, new SnapshotMarker(seqno, seqno), 0);
    client.resumeStreaming(Map.of(vbucket, from)).subscribe(ignored -> {}, this::fail);
  }

  /** Adds the handshake's watcher in front of the client's own authentication. */
  private final class WatchedAuthenticator implements Authenticator {
    @Override
    public void authKeyValueConnection(ChannelPipeline pipeline) {
      Login login = login();
      String node = DcpChannel.getHostAndPort(pipeline.channel()).format();
      Channel channel = pipeline.channel();
      handshaking.add(channel);
      channel.closeFuture().addListener(future -> handshaking.remove(channel));
      pipeline.addLast(new HandshakeHandler(node, bucket(), login.username(), connections));
      new PasswordAuthenticator(new StaticCredentialsProvider(login.username(), login.password()))
          .authKeyValueConnection(pipeline);
    }
  }

  /** What the event loop has to know to understand the next event of a vBucket. */
  private final class VbucketStream {
    private final int number;
    private StreamSnapshot snapshot;
    private boolean keysHaveCollection;
    private CollectionsManifest manifest;
    private long collectionId;
    private Keyspace keyspace;

    VbucketStream(int number) {
      this.number = number;
    }

    /**
     * Comes first on every opened stream; by then the client has kept the failover log of the
     * stream's answer.
     */
    void onSnapshot(PartitionState state, long startSeqno, long endSeqno) {
      snapshot =
          new StreamSnapshot(
              state.getLastUuid(), startSeqno, endSeqno, state.getCollectionsManifestUid());
      keysHaveCollection = state.getKeyExtractor() == KeyExtractor.COLLECTIONS;
    }

    Keyspace keyspace(CollectionsManifest current, long id) {
      if (current != manifest || id != collectionId || keyspace == null) {
        manifest = current;
        collectionId = id;
        keyspace = resolve(current.getCollection(id));
      }
      return keyspace;
    }

    private Keyspace resolve(CollectionInfo info) {
      if (info == null) {
        // Dropped since the document was written.
        return new Keyspace("", "", false);
      }
      // The client opens an unfiltered stream when a selected collection is missing, before it
      // reports that.
      boolean selected =
          settings.collections().isEmpty()
              || settings.collections().contains(info.scope().name() + "." + info.name());
      return new Keyspace(info.scope().name(), info.name(), selected);
    }
  }
}
