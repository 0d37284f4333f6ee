// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import com.couchbase.client.dcp.Client;
import com.couchbase.client.dcp.core.event.CouchbaseEvent;
import com.couchbase.client.dcp.events.DcpFailureEvent;
import com.couchbase.client.dcp.events.StreamEndEvent;
import com.couchbase.client.dcp.message.StreamEndReason;
import dev.caravan.offset.Offset;
import dev.caravan.stream.change.ChangeSink;
import dev.caravan.stream.client.ConnectionInitializer;
import dev.caravan.stream.client.DcpClientFactory;
import dev.caravan.stream.client.EventReader;
import dev.caravan.stream.client.FailureNames;
import dev.caravan.stream.client.MisdirectedRequests;
import dev.caravan.stream.client.PendingWork;
import dev.caravan.stream.client.SessionEnd;
import dev.caravan.stream.client.SessionEventSource;
import dev.caravan.stream.client.StreamOpener;
import dev.caravan.stream.client.StreamStates;
import dev.caravan.stream.cluster.ClusterMap;
import dev.caravan.stream.cluster.ConnectionFailure;
import dev.caravan.stream.cluster.ConnectionFailure.Reason;
import dev.caravan.stream.cluster.NodeConnections;
import dev.caravan.stream.flow.BufferedBytes;
import dev.caravan.stream.flow.DispatchedEvents;
import dev.caravan.stream.flow.MemoryBudget;
import dev.caravan.stream.persistence.PersistenceMonitor;
import dev.caravan.stream.progress.AckTracker;
import dev.caravan.stream.progress.LastReceivedSeqnos;
import dev.caravan.stream.progress.StreamEnds;
import dev.caravan.stream.settings.StreamSettings;
import dev.caravan.stream.settings.VbucketSelection;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/**
 * One life of the official DCP client for one bucket: connects and opens streams, whose events an
 * {@link EventReader} reads, until it fails or is closed. A new session follows from the
 * acknowledged prefix.
 *
 * <p>The client reconnects by itself when a connection drops, and follows moving vBuckets; then
 * streams go on after the last event that was received, and the session continues. A problem that
 * the client can't solve ends the session with a {@link #failure}.
 *
 * <p>Thread-safe. Methods that event loops call don't block.
 */
final class DcpSession {
  private static final Logger LOG = LoggerFactory.getLogger(DcpSession.class);

  private static final int DISCONNECT_RETRIES = 10;

  private final String bucket;
  private final StreamSettings settings;
  private final StreamEnds ends;
  private final ChangeSink sink;
  private final DcpClientFactory clients;
  private final int window;
  private final NodeConnections connections;
  private final FailureNames names;
  private final SessionEnd end;
  private final PendingWork pending = new PendingWork();
  private final CompletableFuture<Void> decisiveFailure = new CompletableFuture<>();
  private final CompletableFuture<Void> disconnected = new CompletableFuture<>();
  private final LastReceivedSeqnos lastReceived =
      new LastReceivedSeqnos(VbucketSelection.MAX_VBUCKETS);
  private final StreamStates states;
  private final StreamOpener opener;
  private final EventReader reader;
  private final ConnectionInitializer initializer;
  private final StallDetector stalls;
  private final @Nullable PersistenceMonitor persistence;
  private volatile @Nullable Client client;
  private boolean begun;
  private volatile List<Integer> opened = List.of();

  /**
   * @param persistencePolling how often to ask how far changes are persisted; changes are held back
   *     until they are. Zero takes changes as they come.
   * @param dispatched counts the bucket's events that are in a route
   * @param rollbacks counts the rollbacks of the bucket's vBuckets
   */
  DcpSession(
      String bucket,
      StreamSettings settings,
      AckTracker progress,
      StreamEnds ends,
      DcpClientFactory clients,
      Duration persistencePolling,
      DispatchedEvents dispatched,
      ChangeSink sink,
      AtomicInteger rollbacks) {
    this.bucket = bucket;
    this.settings = settings;
    this.ends = ends;
    this.sink = sink;
    this.clients = clients;
    this.window = Math.min(settings.flowControlBufferSize(), MemoryBudget.WINDOWS.nextShare());
    this.connections = new NodeConnections(this::connectionFailed);
    this.names = new FailureNames(bucket, settings.seedNodes(), connections);
    this.end = new SessionEnd(names, sink::wakeUp);
    this.states = new StreamStates(this::client);
    this.opener = new StreamOpener(this::client, states, ends, pending, end);
    RollbackHandler rollbackHandler =
        new RollbackHandler(
            bucket,
            settings.rollbackPolicy(),
            states,
            opener,
            ends,
            lastReceived,
            pending,
            end,
            rollbacks);
    BufferedBytes buffered = new BufferedBytes(window, connections::count);
    this.reader =
        new EventReader(
            settings,
            progress,
            sink,
            buffered,
            new SessionEventSource(bucket, progress, buffered, dispatched, end),
            states,
            end,
            rollbackHandler::rolledBack);
    this.persistence =
        persistencePolling.isZero()
            ? null
            : new PersistenceMonitor(persistencePolling, connections::map, reader::vbuuid);
    this.initializer =
        new ConnectionInitializer(
            bucket,
            () -> settings.login().apply(bucket),
            window,
            connections,
            lastReceived,
            reader::stream,
            persistence,
            this::received,
            new MisdirectedRequests(bucket, settings.bootstrapTimeout(), end::fail),
            rollbackHandler::streamOpened);
    this.stalls =
        new StallDetector(
            bucket,
            settings.stallTimeout(),
            settings.collections(),
            lastReceived,
            ends,
            initializer.monitors(),
            states,
            opener,
            end);
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
    // Making a client may look up DNS SRV records, so that isn't for the delivery loop either.
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
    Client created = clients.create(bucket, initializer, window);
    created.controlEventHandler(reader::onControl);
    created.dataEventHandler(reader::onData);
    created.systemEventHandler(this::onSystemEvent);
    boolean closedMeanwhile;
    synchronized (this) {
      client = created;
      closedMeanwhile = end.isClosed();
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
      throw new IllegalStateException("Bucket '" + bucket + "' is not connected.");
    }
    return made;
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

  /** The current offsets of vBuckets. Only once connected. */
  CompletableFuture<Map<Integer, Offset>> currentOffsets(List<Integer> vbuckets) {
    return states.currentOffsets(vbuckets).transform(pending::bound).toFuture();
  }

  /** The seqnos of the last changes in vBuckets, in any collection. Only once connected. */
  CompletableFuture<Map<Integer, Long>> highSeqnos(Collection<Integer> vbuckets) {
    return states
        .highSeqnos(vbuckets)
        .timeout(settings.bootstrapTimeout())
        .onErrorMap(names::named)
        .transform(pending::bound)
        .toFuture();
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
    opened = List.copyOf(vbuckets);
    Map<Integer, Offset> from = reader.expect(vbuckets, vbucketCount());
    from.forEach((vbucket, offset) -> lastReceived.set(vbucket, offset.bySeqno()));
    return opener
        .open(from)
        .toFuture()
        .handle(
            (ignored, error) -> {
              if (error != null) {
                throw new CompletionException(names.named(error));
              }
              return null;
            });
  }

  /** Why the session failed; null if it hasn't. */
  @Nullable Throwable failure() {
    return end.failure();
  }

  /** Why a connection fails right now, even if the client still tries; null if none does. */
  @Nullable ConnectionFailure connectionFailure() {
    return connections.failure();
  }

  /** Whether there is a connection to at least one node. */
  boolean isConnected() {
    return connections.isConnected();
  }

  /**
   * Why some vBuckets are not streamed although others are: a node can't be reached or refuses, a
   * vBucket is active on no node, or a stream sends nothing. Null if there is no such reason.
   */
  @Nullable ConnectionFailure impairment() {
    ConnectionFailure trouble = connections.failure();
    if (trouble == null) {
      trouble = withoutNode();
    }
    return trouble == null ? stalls.failure() : trouble;
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
                + bucket
                + "' are active on no node of the cluster, as after a failover without a replica.");
  }

  /**
   * Ends the session if no node was connected for so long that the addresses of the nodes have to
   * be looked up again.
   */
  void failIfDisconnectedFor(long nanos) {
    if (connections.noneForNanos() > nanos) {
      end.fail(
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
                .filter(states::isOpen)
                .count();
  }

  /** Finds streams that send nothing. Only once streams are being opened. */
  void detectStalls(long now) {
    stalls.poll(now, opened);
  }

  boolean isClosed() {
    return end.isClosed();
  }

  /**
   * Stops the flow of changes at once and disconnects in the background. Idempotent.
   *
   * @return completes when every connection is closed
   */
  CompletableFuture<Void> close() {
    synchronized (this) {
      if (end.isClosed()) {
        return disconnected;
      }
      end.close();
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
    initializer.closeConnections();
  }

  private void connectionFailed(ConnectionFailure reason) {
    if (end.isClosed()) {
      return;
    }
    if (connections.allFailed()) {
      // A client that is connected already goes on trying; only an attempt to connect ends here.
      decisiveFailure.completeExceptionally(reason);
    }
    if (connections.allFailedDecisively()) {
      end.fail(reason);
    }
    sink.wakeUp();
  }

  private void received(String clusterMap, String host) {
    ClusterMap before = connections.map();
    connections.received(clusterMap, host);
    ClusterMap now = connections.map();
    if (persistence != null) {
      persistence.mapChanged();
    }
    if (before != null && now != null && before.isEphemeral() != now.isEphemeral()) {
      // The session was made for the other type: persistence polling depends on it.
      end.fail(
          new ConnectionFailure(
              Reason.OTHER, "Bucket '" + bucket + "' was made again as a bucket of another type."));
    }
  }

  private void onSystemEvent(CouchbaseEvent event) {
    if (event instanceof DcpFailureEvent failed) {
      end.fail(failed.error());
    } else if (event instanceof StreamEndEvent ended) {
      LOG.debug(
          "Stream of vBucket {} of bucket '{}' ended: {}",
          ended.partition(),
          bucket,
          ended.reason());
      if (StreamEndReason.OK.equals(ended.reason()) && !end.isOver()) {
        ends.reached(ended.partition());
        sink.wakeUp();
      }
    }
  }
}
