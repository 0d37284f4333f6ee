// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import static java.util.Objects.requireNonNull;

import com.couchbase.client.core.deps.io.netty.buffer.ByteBuf;
import com.couchbase.client.core.deps.io.netty.channel.Channel;
import com.couchbase.client.core.deps.io.netty.channel.ChannelPipeline;
import com.couchbase.client.core.util.HostAndPort;
import com.couchbase.client.dcp.Authenticator;
import com.couchbase.client.dcp.Client;
import com.couchbase.client.dcp.PasswordAuthenticator;
import com.couchbase.client.dcp.StaticCredentialsProvider;
import com.couchbase.client.dcp.conductor.DcpChannel;
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
import com.couchbase.client.dcp.state.PartitionState;
import com.couchbase.client.dcp.transport.netty.ChannelFlowController;
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
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
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

  private static final int DISCONNECT_RETRIES = 10;

  private final StreamSettings settings;
  private final BucketStream stream;
  private final Progress progress;
  private final StreamEnds ends;
  private final ChangeSink sink;
  private final DcpClientFactory clients;
  private final NodeConnections connections;
  private final PendingWork pending = new PendingWork();
  private final CompletableFuture<Void> decisiveFailure = new CompletableFuture<>();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();
  private final AtomicInteger rollbacks;
  private final int window;
  private final HeldBytes held;
  private final EventReader reader;
  private final Arrivals arrivals = new Arrivals(VbucketSelection.MAX_VBUCKETS);
  private final Set<ConnectionWatch> watches = ConcurrentHashMap.newKeySet();
  private final StallWatch stalls;
  private final MisdirectedRequests misdirected;
  private final FailureNames names;
  private final @Nullable PersistenceWatch persistence;
  private final Set<Channel> handshaking = ConcurrentHashMap.newKeySet();
  private final CompletableFuture<Void> disconnected = new CompletableFuture<>();
  private volatile @Nullable Client client;
  private volatile @Nullable StreamOpener opener;
  private boolean begun;
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
      DcpClientFactory clients,
      Duration persistencePolling,
      ChangeSink sink,
      AtomicInteger rollbacks) {
    this.settings = settings;
    this.stream = stream;
    this.progress = progress;
    this.ends = ends;
    this.sink = sink;
    this.clients = clients;
    this.rollbacks = rollbacks;
    this.connections = new NodeConnections(this::connectionFailed);
    this.misdirected = new MisdirectedRequests(settings.bootstrapTimeout());
    this.names = new FailureNames(stream.bucket(), settings.seedNodes(), connections);
    this.window = Math.min(settings.flowControlBufferSize(), MemoryBudget.WINDOWS.nextShare());
    this.held = new HeldBytes(window, connections::count);
    this.stalls =
        new StallWatch(
            stream.bucket(), settings.stallTimeout(), arrivals, ends, watches, this::reopen);
    this.reader = new EventReader(this, settings, progress, sink, held);
    this.persistence =
        persistencePolling.isZero()
            ? null
            : new PersistenceWatch(persistencePolling, connections::map, this::vbuuid);
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
            // A client that is only half made when it is interrupted would leave a thread behind.
            .flatMap(made -> pending.bound(made.connect()))
            .toFuture();
    CompletableFuture<Object> first = CompletableFuture.anyOf(attempt, decisiveFailure);
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
    connections.seeds(clients.seeds());
    Client created = clients.create(bucket(), new WatchedAuthenticator(), window);
    created.controlEventHandler(reader::onControl);
    created.dataEventHandler(reader::onData);
    created.systemEventHandler(this::onSystemEvent);
    boolean closedMeanwhile;
    synchronized (this) {
      opener = new StreamOpener(created, pending, this::fail);
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

  /** Only once connected, as streams are. */
  private StreamOpener opener() {
    return requireNonNull(opener, "no client");
  }

  private Login login() {
    return settings.login().apply(bucket());
  }

  /** Whether the bucket is kept in memory only, so that nothing is ever persisted. */
  boolean isEphemeral() {
    ClusterMap map = connections.map();
    return map != null && map.isEphemeral();
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
        .transform(pending::bound)
        .toFuture();
  }

  /** The seqnos of the last changes in vBuckets, in whichever collection. Only once connected. */
  CompletableFuture<Map<Integer, Long>> highSeqnos(Collection<Integer> of) {
    return seqnos(of)
        .timeout(settings.bootstrapTimeout())
        .onErrorMap(names::named)
        .transform(pending::bound)
        .toFuture();
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
    return opener()
        .open(from.keySet())
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
    client()
        .sessionState()
        .set(vbucket, new StreamState(from, ends.of(vbucket), () -> move(vbucket)));
  }

  private void move(int vbucket) {
    if (!isOver()) {
      opener().move(vbucket);
    }
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

  /** Whether there is a connection to at least one node. */
  boolean isConnected() {
    return connections.isConnected();
  }

  /**
   * What keeps some vBuckets from being streamed while others are: a node that can't be reached or
   * refuses, a vBucket that is active nowhere, or a stream that has stopped in silence; null if
   * nothing does.
   */
  @Nullable ConnectionFailure impairment() {
    ConnectionFailure trouble = connections.failure();
    if (trouble == null) {
      trouble = withoutNode();
    }
    return trouble == null ? stalled() : trouble;
  }

  private @Nullable ConnectionFailure withoutNode() {
    ClusterMap map = connections.map();
    if (map == null) {
      return null;
    }
    List<Integer> vbuckets =
        opened.stream().filter(vbucket -> map.activeNode(vbucket).isEmpty()).sorted().toList();
    return vbuckets.isEmpty()
        ? null
        : new ConnectionFailure(
            Reason.UNREACHABLE,
            "vBuckets "
                + vbuckets
                + " of bucket '"
                + bucket()
                + "' are active on no node of the cluster, as after a failover without a replica.");
  }

  /**
   * Ends the session if there has been no connection for so long that the nodes have to be looked
   * up again.
   */
  void failIfDisconnectedFor(long nanos) {
    if (connections.noneForNanos() > nanos) {
      fail(
          new TimeoutException(
              "No node was connected for " + Duration.ofNanos(nanos).toMillis() + " ms."));
    }
  }

  /** How many streams are open, on connections that stand. */
  int openStreams() {
    ClusterMap map = connections.map();
    return map == null
        ? 0
        : (int)
            opened.stream()
                .filter(vbucket -> connections.isConnected(map.activeNode(vbucket)))
                .filter(this::isOpen)
                .count();
  }

  private void watch(Channel channel) {
    ConnectionWatch watch =
        new ConnectionWatch(
            channel,
            arrivals,
            window,
            new StreamRequests(
                reader::stream,
                arrivals,
                new StreamRequests.Listener() {
                  @Override
                  public void opened(VbucketStream stream, FailoverHistory history) {
                    misdirected.opened(stream.number());
                    streamOpened(channel, stream, history);
                  }

                  @Override
                  public void misdirected(VbucketStream stream) {
                    if (misdirected.refused(stream.number(), System.nanoTime())) {
                      fail(misdirected.failure(bucket(), stream.number()));
                    }
                  }
                }));
    channel.pipeline().addLast(watch);
    watches.add(watch);
    MemoryBudget.WINDOWS.enter();
    channel
        .closeFuture()
        .addListener(
            future -> {
              watches.remove(watch);
              MemoryBudget.WINDOWS.leave();
            });
  }

  /** Looks for streams that have stopped in silence. Only once streams are opened. */
  void watchStalls(long now) {
    List<Long> collections = new ArrayList<>();
    if (!settings.collections().isEmpty()) {
      CollectionsManifest manifest = manifest();
      if (manifest == null) {
        return;
      }
      for (String name : settings.collections()) {
        CollectionInfo collection = manifest.getCollection(name);
        if (collection != null) {
          collections.add(collection.id());
        }
      }
    }
    stalls.tend(now, opened, collections);
  }

  /** The collections of the bucket; null while no stream has got so far, as in a rollback. */
  private @Nullable CollectionsManifest manifest() {
    for (int vbucket : opened) {
      if (partitionState(vbucket) instanceof StreamState state && state.manifest() != null) {
        return state.manifest();
      }
    }
    return null;
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
    opener()
        .reopen(vbucket)
        .subscribe(
            ignored -> {},
            error -> {
              if (!isOver()) {
                LOG.warn(
                    "The stream of vBucket {} of bucket '{}' couldn't be opened again: {}",
                    vbucket,
                    bucket(),
                    error.toString());
              }
            });
  }

  /** What the client keeps of a vBucket's stream. */
  PartitionState partitionState(int vbucket) {
    return client().sessionState().get(vbucket);
  }

  private long vbuuid(int vbucket) {
    VbucketStream opened = reader.stream(vbucket);
    return opened == null ? 0 : opened.vbuuid();
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
      // First, as an attempt to connect that is still waiting would disconnect, too, much later.
      pending.cancel();
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
    doomed
        .disconnect()
        // The client gives up at the first connection that fails to close, such as one that breaks
        // at that moment (dcp-client 0.56.0, DcpChannel.disconnect). The others would stay open.
        .retry(DISCONNECT_RETRIES)
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
    if (connections.allFailed()) {
      // A client that is connected already goes on trying; only an attempt to connect ends here.
      decisiveFailure.completeExceptionally(reason);
    }
    if (connections.allFailedDecisively()) {
      fail(reason);
    }
    sink.wakeUp();
  }

  private void received(String map, String origin) {
    ClusterMap before = connections.map();
    connections.received(map, origin);
    ClusterMap now = connections.map();
    if (persistence != null) {
      persistence.mapChanged();
    }
    if (before != null && now != null && before.isEphemeral() != now.isEphemeral()) {
      // What the bucket has now must be held back until it is persisted, or must not.
      fail(
          new ConnectionFailure(
              Reason.OTHER,
              "Bucket '" + bucket() + "' was made again as a bucket of another type."));
    }
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

  /**
   * Gives the bytes of changes that are done back to the window that they came through. Throws
   * nothing: whoever calls has more to do for these changes. If it fails, the node may wait for the
   * bytes without end, so the session ends.
   */
  void done(ChannelFlowController window, int bytes) {
    held.release(bytes);
    try {
      window.ack(bytes);
    } catch (Throwable error) {
      fail(error);
    }
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
        .transform(pending::bound)
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
      HostAndPort address = DcpChannel.getHostAndPort(pipeline.channel());
      Channel channel = pipeline.channel();
      handshaking.add(channel);
      channel.closeFuture().addListener(future -> handshaking.remove(channel));
      watch(channel);
      if (persistence != null) {
        pipeline.addLast(new PersistenceGate(address.format(), persistence));
      }
      pipeline.addLast(new ClusterMapHandler(map -> received(map, address.host())));
      pipeline.addLast(
          new HandshakeHandler(address.format(), bucket(), login.username(), connections));
      new PasswordAuthenticator(new StaticCredentialsProvider(login.username(), login.password()))
          .authKeyValueConnection(pipeline);
    }
  }
}
