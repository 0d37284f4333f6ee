// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import com.couchbase.client.dcp.Client;
import dev.caravan.offset.Offset;
import dev.caravan.stream.progress.StreamEnds;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.util.retry.Retry;

/**
 * Opens a client's streams so that a vBucket whose node is away keeps no other one waiting, and
 * nothing is tried any more once the session is over. Thread-safe.
 */
public final class StreamOpener {
  /**
   * The client opens at most 256 streams of a call at a time. Those of a node that is away would
   * keep others waiting.
   */
  private static final int STREAMS_PER_CALL = 128;

  /** Streams of a lost connection are moved together. */
  private static final Duration MOVE_DELAY = Duration.ofMillis(10);

  private static final Duration NO_NODE_DELAY = Duration.ofSeconds(1);

  private final Supplier<Client> client;
  private final StreamStates states;
  private final StreamEnds ends;
  private final PendingWork pending;
  private final SessionEnd sessionEnd;
  private final Set<Integer> moving = ConcurrentHashMap.newKeySet();
  private final AtomicBoolean moveScheduled = new AtomicBoolean();

  /**
   * @param client throws if there is none yet
   */
  public StreamOpener(
      Supplier<Client> client,
      StreamStates states,
      StreamEnds ends,
      PendingWork pending,
      SessionEnd sessionEnd) {
    this.client = client;
    this.states = states;
    this.ends = ends;
    this.pending = pending;
    this.sessionEnd = sessionEnd;
  }

  /**
   * Opens streams.
   *
   * @return completes when every one is open, however long that takes; fails when one can't be, or
   *     the session is over
   */
  public Mono<Void> open(Map<Integer, Offset> from) {
    from.forEach(this::set);
    return open(from.keySet());
  }

  private void set(int vbucket, Offset from) {
    states.set(vbucket, from, ends.of(vbucket), () -> move(vbucket));
  }

  /** Opens a stream that Couchbase has refused, from another offset. */
  public Mono<Void> openAgain(int vbucket, Offset from) {
    set(vbucket, from);
    return client.get().startStreaming(Set.of(vbucket));
  }

  private Mono<Void> open(Collection<Integer> vbuckets) {
    List<Integer> all = List.copyOf(vbuckets);
    List<Mono<Void>> calls = new ArrayList<>();
    for (int from = 0; from < all.size(); from += STREAMS_PER_CALL) {
      calls.add(call(all.subList(from, Math.min(from + STREAMS_PER_CALL, all.size()))));
    }
    return Mono.when(calls).transform(pending::bound);
  }

  private Mono<Void> call(List<Integer> vbuckets) {
    return Mono.defer(() -> client.get().startStreaming(vbuckets))
        .onErrorResume(
            StreamOpener::isWithoutNode,
            error -> Flux.fromIterable(vbuckets).flatMap(this::openOne, vbuckets.size()).then());
  }

  private Mono<Void> openOne(int vbucket) {
    return Mono.defer(
            () ->
                client.get().streamIsOpen(vbucket)
                    ? Mono.empty()
                    : client.get().startStreaming(Set.of(vbucket)))
        .retryWhen(
            Retry.fixedDelay(Long.MAX_VALUE, NO_NODE_DELAY).filter(StreamOpener::isWithoutNode));
  }

  /** Whether the cluster map has no active node for a vBucket, as after a failover. */
  private static boolean isWithoutNode(Throwable error) {
    return error instanceof IllegalStateException
        && String.valueOf(error.getMessage()).startsWith("No active node for partition");
  }

  /** Opens a stream again that has ended or whose connection was lost, where the vBucket is now. */
  private void move(int vbucket) {
    if (sessionEnd.isOver()) {
      return;
    }
    moving.add(vbucket);
    if (moveScheduled.compareAndSet(false, true)) {
      Mono.delay(MOVE_DELAY)
          .then(Mono.defer(() -> open(takeMoving())))
          .transform(pending::bound)
          .subscribe(ignored -> {}, sessionEnd::fail);
    }
  }

  private List<Integer> takeMoving() {
    moveScheduled.set(false);
    List<Integer> taken = new ArrayList<>();
    for (Iterator<Integer> all = moving.iterator(); all.hasNext(); ) {
      taken.add(all.next());
      all.remove();
    }
    return taken;
  }

  /** Opens a stream again that is open already and sends nothing. */
  public Mono<Void> reopen(int vbucket) {
    return client
        .get()
        .stopStreaming(Set.of(vbucket))
        .then(Mono.defer(() -> client.get().startStreaming(Set.of(vbucket))))
        .transform(pending::bound);
  }
}
