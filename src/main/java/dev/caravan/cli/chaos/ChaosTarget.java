// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos;

import dev.caravan.cli.chaos.audit.ChaosAudit;
import dev.caravan.cli.chaos.audit.ChaosWrite;
import dev.caravan.sandbox.TcpProxy;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/** The Couchbase cluster of a run. Thread-safe, because the writer and the faults use it. */
interface ChaosTarget extends AutoCloseable {

  /**
   * The network path from a worker to Couchbase.
   *
   * @param hosts host names to addresses, for the names in {@link #connectorConfig} and in the
   *     cluster map; empty if DNS resolves them
   * @param proxies the proxies of all connections; empty if there are none
   */
  record NetworkPath(Map<String, String> hosts, List<TcpProxy> proxies) {}

  /** Writes a document. */
  void upsert(String documentId, String json);

  /** Deletes a document if it exists. */
  void delete(String documentId);

  /** All writes so far. Those to one document are in their order. */
  List<ChaosWrite> writes() throws IOException;

  /** The purges of tombstones so far. */
  List<ChaosAudit.Purge> purges();

  /**
   * The times at which the history of vBuckets branched, so that clients may have to roll back, in
   * milliseconds since the epoch.
   */
  List<Long> branches();

  /** The connection to the bucket, in the keys of a connector. */
  Map<String, String> connectorConfig();

  /** The path of a worker, always the same for the same worker. */
  NetworkPath path(int worker);

  /** The faults of this target. */
  List<ChaosFault> faults();

  @Override
  void close();
}
