// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.settings;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * How to stream from a cluster, whichever the bucket. Immutable.
 *
 * @param trustCertificate PEM file of the certificate authority to trust; null for the Java
 *     runtime's
 * @param login the user and password for a bucket, asked for at every connection
 * @param collections qualified names, {@code scope.collection}; empty for the whole bucket
 * @param rollbackEvents whether a rollback goes to the sink, too
 * @param persistencePolling how often to ask how far changes are persisted on all nodes that keep a
 *     vBucket; changes are held back until then. Zero takes them as they come.
 * @param stallTimeout how long a stream may send nothing although its vBucket has changed; zero
 *     switches that off
 * @param flowControlBufferSize the most bytes that each node may send before they are acknowledged;
 *     a connection's share of the memory budget may be less
 */
public record StreamSettings(
    SeedNodes seedNodes,
    @Nullable Path trustCertificate,
    boolean hostnameVerification,
    Function<String, Login> login,
    Set<String> collections,
    VbucketSelection vbuckets,
    StreamFrom streamFrom,
    StreamTo streamTo,
    RollbackPolicy rollbackPolicy,
    boolean rollbackEvents,
    PurgedTombstones purgedTombstones,
    Duration persistencePolling,
    Duration stallTimeout,
    int flowControlBufferSize,
    boolean compression,
    boolean noValue,
    boolean xattrs,
    Duration connectTimeout,
    Duration bootstrapTimeout,
    Duration retryBackoff,
    Duration maxRetryBackoff,
    Duration offsetCommitInterval) {

  public StreamSettings {
    collections = Set.copyOf(collections);
  }

  /** A user and a password. Doesn't show the password. */
  public record Login(String username, String password) {
    @Override
    public String toString() {
      return "Login[username=" + username + ", password=***]";
    }
  }
}
