// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import com.couchbase.client.dcp.message.PartitionAndSeqno;
import dev.caravan.offset.Offset;
import dev.caravan.stream.client.ConnectionMonitor;
import dev.caravan.stream.client.PendingWork;
import dev.caravan.stream.client.SessionEnd;
import dev.caravan.stream.client.StreamOpener;
import dev.caravan.stream.client.StreamStates;
import dev.caravan.stream.cluster.ConnectionFailure;
import dev.caravan.stream.cluster.ConnectionFailure.Reason;
import dev.caravan.stream.progress.LastReceivedSeqnos;
import dev.caravan.stream.progress.StreamEnds;
import dev.caravan.stream.progress.VbucketStream;
import dev.caravan.stream.rollback.FailoverHistory;
import dev.caravan.stream.rollback.RollbackReport;
import dev.caravan.stream.settings.RollbackPolicy;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;

/**
 * Opens a session's streams again where Couchbase rolls them back to.
 *
 * <p>The stream continues in the history that was asked for: up to the rollback's seqno, the two
 * histories are the same. The client's own way forgets that history, and so the server's next
 * answer would send it back to 0.
 *
 * <p>Thread-safe. Event loops call it, so it never blocks.
 */
final class RollbackHandler {
  private static final Logger LOG = LoggerFactory.getLogger(RollbackHandler.class);

  private final String bucket;
  private final RollbackPolicy policy;
  private final StreamStates states;
  private final StreamOpener opener;
  private final StreamEnds ends;
  private final LastReceivedSeqnos lastReceived;
  private final PendingWork pending;
  private final SessionEnd sessionEnd;
  private final AtomicInteger rollbacks;

  /**
   * @param rollbacks counts the rollbacks
   */
  RollbackHandler(
      String bucket,
      RollbackPolicy policy,
      StreamStates states,
      StreamOpener opener,
      StreamEnds ends,
      LastReceivedSeqnos lastReceived,
      PendingWork pending,
      SessionEnd sessionEnd,
      AtomicInteger rollbacks) {
    this.bucket = bucket;
    this.policy = policy;
    this.states = states;
    this.opener = opener;
    this.ends = ends;
    this.lastReceived = lastReceived;
    this.pending = pending;
    this.sessionEnd = sessionEnd;
    this.rollbacks = rollbacks;
  }

  /** Couchbase has refused a stream's offset and asks to go back to this seqno. */
  void rolledBack(VbucketStream stream, long seqno) {
    rollbacks.incrementAndGet();
    int vbucket = stream.number();
    Offset refused = stream.offset();
    if (Long.compareUnsigned(seqno, refused.bySeqno()) >= 0) {
      throw new IllegalStateException(
          "Couchbase refused to go on from %s in vBucket %d of bucket '%s', and asks to go back to seqno %s."
              .formatted(refused, vbucket, bucket, Long.toUnsignedString(seqno)));
    }
    states
        .history(vbucket)
        .map(history -> new RollbackReport(bucket, vbucket, refused, seqno, history))
        .doOnNext(report -> rollBack(report, stream))
        .then(
            ends.of(vbucket) == StreamEnds.NEVER
                ? Mono.empty()
                : states.highSeqnos(Set.of(vbucket)))
        .doOnNext(ends::set)
        .then(Mono.defer(() -> opener.openAgain(vbucket, stream.offset())))
        .transform(pending::bound)
        .subscribe(ignored -> {}, sessionEnd::fail);
  }

  private void rollBack(RollbackReport report, VbucketStream stream) {
    if (policy == RollbackPolicy.FAIL && report.mayHaveLost()) {
      throw new ConnectionFailure(
          Reason.ROLLED_BACK,
          report
              + ". rollbackPolicy is 'fail', so nothing more is read; set it to 'resume' and start"
              + " again to read on from seqno "
              + Long.toUnsignedString(report.toSeqno())
              + ".");
    }
    if (report.isPurge()) {
      LOG.error(
          "{}. The vBucket is read again from its beginning; what was published and is still true"
              + " is not published again. (purgedTombstones=lenient would go on without.)",
          report);
    } else {
      LOG.warn("{}. Reading again from there.", report);
    }
    stream.rollBack(report.toSeqno());
    lastReceived.set(report.vbucket(), stream.offset().bySeqno());
  }

  /**
   * Couchbase has opened a stream. A vBucket that is read again needs the seqno that it stands at
   * now, where the re-read ends.
   */
  void streamOpened(ConnectionMonitor connection, VbucketStream stream, FailoverHistory history) {
    if (sessionEnd.isOver() || !stream.accepted(history)) {
      return;
    }
    connection
        .highSeqnos(OptionalLong.empty())
        .whenComplete(
            (seqnos, error) -> {
              if (error != null) {
                // The connection is lost, and the stream will be opened again on another one.
                LOG.debug("Bucket '{}': no high seqnos from a node", bucket, error);
                return;
              }
              for (PartitionAndSeqno seqno : seqnos) {
                if (seqno.partition() == stream.number() && !sessionEnd.isOver()) {
                  stream.highSeqno(seqno.seqno());
                }
              }
            });
  }
}
