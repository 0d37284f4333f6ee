// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import static java.util.Objects.requireNonNull;

import com.couchbase.client.core.deps.io.netty.buffer.ByteBuf;
import com.couchbase.client.core.deps.io.netty.channel.Channel;
import com.couchbase.client.core.deps.io.netty.channel.ChannelPipeline;
import com.couchbase.client.core.deps.io.netty.channel.EventLoopGroup;
import com.couchbase.client.dcp.Authenticator;
import com.couchbase.client.dcp.Client;
import com.couchbase.client.dcp.PasswordAuthenticator;
import com.couchbase.client.dcp.StaticCredentialsProvider;
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
import com.couchbase.client.dcp.message.DcpFailoverLogResponse;
import com.couchbase.client.dcp.message.PartitionAndSeqno;
import com.couchbase.client.dcp.message.StreamEndReason;
import com.couchbase.client.dcp.message.StreamFlag;
import com.couchbase.client.dcp.state.PartitionState;
import dev.caravan.offset.Offset;
import dev.caravan.stream.ConnectionFailure.Reason;
import dev.caravan.stream.StreamSettings.Login;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/**
 * One life of the official DCP client for one bucket: connects and opens streams, whose events an
 * {@link EventReader} reads, until it fails or is closed. A new one is made after that, from the
 * acknowledged prefix.
 *
 * <p>The client reconnects by itself when a connection drops and follows moving vBuckets; then
 * streams go on after the last event that was received, and nothing here ends. What it can't mend
 * ends the session: {@link #failure} tells why.
 *
 * <p>Thread-safe. What event loops call doesn't block.
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

  private final StreamSettings settings;
  private final BucketStream stream;
  private final Progress progress;
  private final StreamEnds ends;
  private final Duration persistencePolling;
  private final ChangeSink sink;
  private final EventLoopGroup eventLoops;
  private final NodeConnections connections;
  private final CompletableFuture<Void> decisiveFailure = new CompletableFuture<>();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();
  private final AtomicInteger rollbacks;
  private final HeldBytes held;
  private final EventReader reader;
  private final Arrivals arrivals = new Arrivals(VbucketSelection.MAX_VBUCKETS);
  private final Set<ConnectionWatch> watches = ConcurrentHashMap.newKeySet();
  private final StallWatch stalls;
  private final FailureNames names;
  private final Set<Channel> handshaking = ConcurrentHashMap.newKeySet();
  private final CompletableFuture<Void> disconnected = new CompletableFuture<>();
  private volatile @Nullable Client client;
  private final CompletableFuture<Void> connected = new CompletableFuture<>();
  private final Disposable.Swap connecting = Disposables.swap();
  private boolean begun;
  private volatile boolean ephemeral;
  private volatile boolean closed;
  private volatile List<Integer> opened = List.of();

  /**
   * @param persistencePolling how often to ask how far changes are persisted, and to hold them back
   *     until then; zero takes them as they come
   */
  DcpSession(
      StreamSettings settings,
      BucketStream stream,
      Progress progress,
      StreamEnds ends,
      Duration persistencePolling,
      ChangeSink sink,
      EventLoopGroup eventLoops,
      AtomicInteger rollbacks) {
    this.settings = settings;
    this.stream = stream;
    this.progress = progress;
    this.ends = ends;
    this.persistencePolling = persistencePolling;
    this.sink = sink;
    this.eventLoops = eventLoops;
    this.rollbacks = rollbacks;
    this.connections =
        new NodeConnections(settings.seedNodes().hosts().size(), this::connectionFailed);
    this.names = new FailureNames(stream.bucket(), settings.seedNodes(), connections);
    this.held = new HeldBytes(settings.flowControlBufferSize(), connections::count);
    this.stalls =
        new StallWatch(
            stream.bucket(), settings.stallTimeout(), arrivals, ends, watches, this::reopen);
    this.reader = new EventReader(this, settings, progress, sink, held);
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
      begun = true;
    }
    // Making a client may look up DNS SRV records, so that isn't for the lane either.
    CompletableFuture<Void> attempt =
        Mono.fromCallable(this::newClient)
            .subscribeOn(Schedulers.boundedElastic())
            .flatMap(Client::connect)
            .toFuture();
    attempt.whenComplete(
        (ignored, error) -> {
          if (error == null) {
            connected.complete(null);
          } else {
            connected.completeExceptionally(error);
          }
        });
    connecting.update(() -> attempt.cancel(true));
    CompletableFuture<Object> first = CompletableFuture.anyOf(connected, decisiveFailure);
    return first.handle(
        (ignored, error) -> {
          if (error != null) {
            if (client == null) {
              disconnected.complete(null);
            }
            throw new CompletionException(names.named(error));
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
            .optionalStreamFlags(
                settings.purgedTombstones() == PurgedTombstones.LENIENT
                    ? Set.of(StreamFlag.IGNORE_PURGED_TOMBSTONES)
                    : Set.of())
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
    if (!persistencePolling.isZero()) {
      builder.mitigateRollbacks(persistencePolling.toMillis(), TimeUnit.MILLISECONDS);
    }
    Client created = builder.build();
    created.controlEventHandler(reader::onControl);
    created.dataEventHandler(reader::onData);
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

  private Client client() {
    Client made = client;
    if (made == null) {
      throw new IllegalStateException("Bucket '" + bucket() + "' is not connected.");
    }
    return made;
  }

  private static String version() {
    String version = DcpSession.class.getPackage().getImplementationVersion();
    return version == null ? "dev" : version;
  }

  private Login login() {
    return settings.login().apply(bucket());
  }

  /** Whether the bucket is kept in memory only, so that nothing is ever persisted. */
  boolean isEphemeral() {
    return ephemeral;
  }

  /** The number of the bucket's vBuckets. Only once connected. */
  int vbucketCount() {
    return client().numPartitions();
  }

  /** The offsets at which the bucket's vBuckets stand now. Only once connected. */
  CompletableFuture<Map<Integer, Offset>> currentOffsets(List<Integer> of) {
    Client client = client();
    return client
        .initializeState(
            com.couchbase.client.dcp.StreamFrom.NOW, com.couchbase.client.dcp.StreamTo.INFINITY)
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

  /** The seqnos of the last changes in vBuckets, in whichever collection. Only once connected. */
  CompletableFuture<Map<Integer, Long>> highSeqnos(Collection<Integer> of) {
    return seqnos(of).toFuture();
  }

  private Mono<Map<Integer, Long>> seqnos(Collection<Integer> of) {
    return client()
        .getSeqnos()
        .filter(seqno -> of.contains(seqno.partition()))
        .collectMap(PartitionAndSeqno::partition, PartitionAndSeqno::seqno);
  }

  /**
   * Opens streams. Only once connected.
   *
   * @return completes when every stream is open, however long that takes; fails if one can't be
   */
  CompletableFuture<Void> open(List<Integer> vbuckets) {
    if (vbuckets.isEmpty()) {
      return CompletableFuture.completedFuture(null);
    }
    Client client = client();
    opened = List.copyOf(vbuckets);
    Map<Integer, Offset> from = reader.expect(vbuckets, client.numPartitions());
    from.forEach((vbucket, offset) -> arrivals.set(vbucket, offset.bySeqno()));
    from.forEach((vbucket, offset) -> set(vbucket, streamOffset(offset)));
    return client
        .startStreaming(from.keySet())
        .toFuture()
        .handle(
            (ignored, error) -> {
              if (error != null) {
                throw new CompletionException(names.named(error));
              }
              return null;
            });
  }

  /** Tells the client where a stream begins and ends that is opened next. */
  private void set(int vbucket, StreamOffset from) {
    PartitionState state = PartitionState.fromOffset(from);
    state.setEndSeqno(ends.of(vbucket));
    client().sessionState().set(vbucket, state);
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
  @Nullable Throwable failure() {
    return failure.get();
  }

  /**
   * What is wrong with a connection right now, even if the client is still trying; null if nothing
   * is.
   */
  @Nullable ConnectionFailure connectionFailure() {
    return connections.failure();
  }

  /**
   * Ends the session if there has been no connection for so long that the nodes have to be looked
   * up anew.
   */
  void failIfDisconnectedFor(long nanos) {
    ConnectionFailure trouble = connections.failure();
    if (trouble != null && connections.noneForNanos() > nanos) {
      fail(trouble);
    }
  }

  int openStreams() {
    return (int) opened.stream().filter(this::isOpen).count();
  }

  private void watch(Channel channel) {
    ConnectionWatch watch =
        new ConnectionWatch(
            channel,
            arrivals,
            settings.flowControlBufferSize(),
            new StreamRequests(
                reader::stream, (stream, history) -> streamOpened(channel, stream, history)));
    channel.pipeline().addLast(watch);
    watches.add(watch);
    channel.closeFuture().addListener(future -> watches.remove(watch));
  }

  /** Looks for streams that have stopped in silence. Only once streams are open. */
  void watchStalls(long now) {
    List<Long> collections = new ArrayList<>();
    if (!opened.isEmpty() && !settings.collections().isEmpty()) {
      CollectionsManifest manifest = partitionState(opened.get(0)).getCollectionsManifest();
      for (String name : settings.collections()) {
        CollectionInfo collection = manifest.getCollection(name);
        if (collection != null) {
          collections.add(collection.id());
        }
      }
    }
    stalls.tend(now, opened, collections);
  }

  /** The streams that have stopped although their vBuckets haven't; null if there is none. */
  @Nullable ConnectionFailure stalled() {
    Set<Integer> vbuckets = stalls.stalled();
    return vbuckets.isEmpty()
        ? null
        : new ConnectionFailure(
            Reason.STALLED,
            "vBuckets "
                + vbuckets
                + " of bucket '"
                + bucket()
                + "' send nothing, although they have changed; opening their streams again didn't help. Are their"
                + " nodes well?");
  }

  private void reopen(int vbucket) {
    Client client = client();
    client
        .stopStreaming(Set.of(vbucket))
        .then(Mono.defer(() -> client.startStreaming(Set.of(vbucket))))
        .subscribe(
            ignored -> {},
            error ->
                LOG.warn(
                    "The stream of vBucket {} of bucket '{}' couldn't be opened again: {}",
                    vbucket,
                    bucket(),
                    error.toString()));
  }

  /** What the client keeps of a vBucket's stream. */
  PartitionState partitionState(int vbucket) {
    return client().sessionState().get(vbucket);
  }

  private boolean isOpen(int vbucket) {
    try {
      return client().streamIsOpen(vbucket);
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
        if (!begun) {
          disconnected.complete(null);
        }
        // Otherwise the client is just being made, and is disconnected once it is.
        return disconnected;
      }
    }
    disconnect(client());
    return disconnected;
  }

  private void disconnect(Client doomed) {
    // An attempt to connect that is still waiting would disconnect a second time, much later.
    connecting.dispose();
    connected.cancel(true);
    doomed
        .disconnect()
        .subscribe(
            ignored -> {}, error -> disconnected.complete(null), () -> disconnected.complete(null));
    // The client would wait until the handshake times out.
    handshaking.forEach(Channel::close);
  }

  void fail(Throwable error) {
    if (!closed && failure.compareAndSet(null, names.named(error))) {
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

  private void onSystemEvent(CouchbaseEvent event) {
    if (event instanceof DcpFailureEvent failed) {
      fail(failed.error());
    } else if (event instanceof StreamEndEvent end) {
      LOG.debug(
          "Stream of vBucket {} of bucket '{}' ended: {}", end.partition(), bucket(), end.reason());
      if (StreamEndReason.OK.equals(end.reason()) && !isOver()) {
        ends.reached(end.partition());
        sink.wakeUp();
      }
    }
  }

  /** Once an event has been dropped, none after it may count, of whatever kind. */
  boolean isOver() {
    return closed || failure.get() != null;
  }

  /** Notes that bytes of changes are not held any more. */
  void released(int bytes) {
    held.release(bytes);
  }

  private void streamOpened(Channel channel, VbucketStream stream, FailoverHistory history) {
    if (isOver() || !stream.accepted(history)) {
      return;
    }
    // The vBucket is read again up to where it is now.
    ConnectionWatch watch = channel.pipeline().get(ConnectionWatch.class);
    watch
        .highSeqnos(OptionalLong.empty())
        .whenComplete(
            (seqnos, error) -> {
              if (error != null) {
                // The connection is lost, and the stream will be opened again on another one.
                LOG.debug("Bucket '{}': no high seqnos from a node", bucket(), error);
                return;
              }
              for (PartitionAndSeqno seqno : seqnos) {
                if (seqno.partition() == stream.number() && !isOver()) {
                  stream.highSeqno(seqno.seqno());
                }
              }
            });
  }

  /** A vBucket was read again to where it was before its rollback. */
  void rereadEnded(Reread reread, int vbucket) {
    LOG.info(
        "vBucket {} of bucket '{}' was read again from seqno {} to where it was before, seqno {}: Couchbase has lost"
            + " {} of the changes that were published.",
        vbucket,
        bucket(),
        Long.toUnsignedString(reread.fromSeqno()),
        Long.toUnsignedString(reread.refused().bySeqno()),
        reread.lost());
  }

  /**
   * The server has another history than the one asked for, from this seqno on. The stream goes on
   * from there in the history asked for: up to that seqno the two are the same. (The client's own
   * way forgets that history, and so is sent back to 0 by the next answer.)
   */
  void onRollback(int vbucket, long seqno) {
    Client client = client();
    rollbacks.incrementAndGet();
    VbucketStream stream = requireNonNull(reader.stream(vbucket));
    Offset refused = stream.offset();
    if (Long.compareUnsigned(seqno, refused.bySeqno()) >= 0) {
      throw new IllegalStateException(
          "Couchbase refused to go on from %s in vBucket %d of bucket '%s', and asks to go back to seqno %s."
              .formatted(refused, vbucket, bucket(), Long.toUnsignedString(seqno)));
    }
    client
        .failoverLog(vbucket)
        .map(DcpSession::history)
        .map(history -> new RollbackReport(bucket(), vbucket, refused, seqno, history))
        .doOnNext(report -> rollBack(report, stream))
        .then(ends.of(vbucket) == StreamEnds.NEVER ? Mono.empty() : seqnos(Set.of(vbucket)))
        .doOnNext(ends::set)
        .then(Mono.fromRunnable(() -> set(vbucket, streamOffset(stream.offset()))))
        .then(Mono.defer(() -> client.startStreaming(Set.of(vbucket))))
        .subscribe(ignored -> {}, this::fail);
  }

  private void rollBack(RollbackReport report, VbucketStream stream) {
    if (settings.rollbackPolicy() == RollbackPolicy.FAIL && report.mayHaveLost()) {
      throw new ConnectionFailure(
          Reason.ROLLED_BACK,
          report
              + ". rollbackPolicy is 'fail', so nothing more is read; set it to 'resume' and start again to read"
              + " on from seqno "
              + Long.toUnsignedString(report.toSeqno())
              + ".");
    }
    if (report.isPurge()) {
      LOG.error(
          "{}. The vBucket is read again from its beginning; what was published and is still true is not published"
              + " again. (purgedTombstones=lenient would go on without.)",
          report);
    } else {
      LOG.warn("{}. Reading again from there.", report);
    }
    stream.rollBack(report.toSeqno());
    arrivals.set(report.vbucket(), stream.offset().bySeqno());
  }

  /** Owns the failover log and releases it. */
  private static FailoverHistory history(ByteBuf failoverLog) {
    try {
      return new FailoverHistory(DcpFailoverLogResponse.entries(failoverLog));
    } finally {
      failoverLog.release();
    }
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
      watch(channel);
      pipeline.addLast(new BucketTypeHandler(() -> ephemeral = true));
      pipeline.addLast(new HandshakeHandler(node, bucket(), login.username(), connections));
      new PasswordAuthenticator(new StaticCredentialsProvider(login.username(), login.password()))
          .authKeyValueConnection(pipeline);
    }
  }
}
