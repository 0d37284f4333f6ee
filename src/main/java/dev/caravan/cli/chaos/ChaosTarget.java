// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos;

import dev.caravan.cli.chaos.audit.ChaosAudit;
import dev.caravan.cli.chaos.audit.ChaosWrite;
import dev.caravan.sandbox.TcpProxy;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/** The Couchbase that the chaos runs on. Thread-safe: a writer and faults use it at a time. */
interface ChaosTarget extends AutoCloseable {

  /**
   * How a worker reaches Couchbase.
   *
   * @param hosts the addresses of the names that {@link #connectorConfig} and the cluster's map
   *     have, by the names; empty if others know them
   * @param proxies what all its connections go through; empty if they go through none
   */
  record NetworkPath(Map<String, String> hosts, List<TcpProxy> proxies) {}

  /** Writes a document. */
  void upsert(String documentId, String json);

  /** Deletes a document, if there is one. */
  void delete(String documentId);

  /** All writes so far, those to a document in the order in which they were made. */
  List<ChaosWrite> writes() throws IOException;

  /** When tombstones were purged. */
  List<ChaosAudit.Purge> purges();

  /**
   * When a vBucket's history took another branch, so that clients may have to roll back, in
   * milliseconds since the epoch.
   */
  List<Long> branches();

  /** Where and as whom a connector reads it, in the connector's keys. */
  Map<String, String> connectorConfig();

  /** How the worker of this number reaches it; the same whenever it is asked. */
  NetworkPath path(int worker);

  /** What can go wrong here, apart from what can go wrong everywhere. */
  List<ChaosFault> faults();

  @Override
  void close();
}
