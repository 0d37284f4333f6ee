// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import com.couchbase.client.dcp.Client;
import com.couchbase.client.dcp.highlevel.StreamOffset;
import com.couchbase.client.dcp.highlevel.internal.CollectionsManifest;
import com.couchbase.client.dcp.highlevel.internal.CollectionsManifest.CollectionInfo;
import com.couchbase.client.dcp.message.DcpFailoverLogResponse;
import com.couchbase.client.dcp.message.PartitionAndSeqno;
import com.couchbase.client.dcp.state.PartitionState;
import dev.caravan.offset.Offset;
import dev.caravan.stream.rollback.FailoverHistory;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * The client's state of the vBuckets and their streams, in Caravan's terms. Every method needs the
 * client to be connected. Thread-safe.
 */
public final class StreamStates {
  private final Supplier<Client> client;

  /**
   * @param client throws if there is none yet
   */
  public StreamStates(Supplier<Client> client) {
    this.client = client;
  }

  /** The state that the client keeps for a vBucket's stream. */
  PartitionState of(int vbucket) {
    return client.get().sessionState().get(vbucket);
  }

  /**
   * Sets where a vBucket's next stream begins and ends.
   *
   * @param endSeqno the last seqno to stream, unsigned
   * @param onMove called when the client would open the stream again; must not block
   */
  void set(int vbucket, Offset from, long endSeqno, Runnable onMove) {
    client.get().sessionState().set(vbucket, new StreamState(from, endSeqno, onMove));
  }

  /** Whether the client has an open stream for a vBucket. */
  public boolean isOpen(int vbucket) {
    try {
      return client.get().streamIsOpen(vbucket);
    } catch (RuntimeException notConnected) {
      return false;
    }
  }

  /** The current offsets of vBuckets. Discards the client's stream states. */
  public Mono<Map<Integer, Offset>> currentOffsets(Collection<Integer> vbuckets) {
    return client
        .get()
        .initializeState(
            com.couchbase.client.dcp.StreamFrom.NOW, com.couchbase.client.dcp.StreamTo.INFINITY)
        .then(
            Mono.fromCallable(
                () -> {
                  Map<Integer, Offset> offsets = new HashMap<>();
                  for (int vbucket : vbuckets) {
                    offsets.put(vbucket, offset(of(vbucket).getOffset()));
                  }
                  return offsets;
                }));
  }

  private static Offset offset(StreamOffset offset) {
    return new Offset(
        offset.getVbuuid(),
        offset.getSeqno(),
        offset.getSnapshot().getStartSeqno(),
        offset.getSnapshot().getEndSeqno(),
        offset.getCollectionsManifestUid());
  }

  /** The seqnos of the last changes in vBuckets, in any collection. */
  public Mono<Map<Integer, Long>> highSeqnos(Collection<Integer> vbuckets) {
    return client
        .get()
        .getSeqnos()
        .filter(seqno -> vbuckets.contains(seqno.partition()))
        .collectMap(PartitionAndSeqno::partition, PartitionAndSeqno::seqno);
  }

  /** The current history of a vBucket. */
  public Mono<FailoverHistory> history(int vbucket) {
    return client
        .get()
        .failoverLog(vbucket)
        .map(
            failoverLog -> {
              try {
                return new FailoverHistory(
                    DcpFailoverLogResponse.entries(failoverLog).stream()
                        .map(entry -> new FailoverHistory.Branch(entry.getUuid(), entry.getSeqno()))
                        .toList());
              } finally {
                failoverLog.release();
              }
            });
  }

  /**
   * The ids of collections; those that don't exist are left out. Null while no stream has received
   * the manifest, as during a rollback.
   *
   * @param vbuckets that have streams
   * @param names qualified, {@code scope.collection}
   */
  public @Nullable List<Long> collectionIds(Collection<Integer> vbuckets, Set<String> names) {
    CollectionsManifest manifest = manifest(vbuckets);
    if (manifest == null) {
      return null;
    }
    List<Long> ids = new ArrayList<>();
    for (String name : names) {
      CollectionInfo collection = manifest.getCollection(name);
      if (collection != null) {
        ids.add(collection.id());
      }
    }
    return ids;
  }

  private @Nullable CollectionsManifest manifest(Collection<Integer> vbuckets) {
    for (int vbucket : vbuckets) {
      if (of(vbucket) instanceof StreamState state && state.manifest() != null) {
        return state.manifest();
      }
    }
    return null;
  }
}
