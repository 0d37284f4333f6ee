// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import java.util.List;
import java.util.Map;

/**
 * The Couchbase that the chaos runs on: written to by one thread, while faults come from another.
 */
interface ChaosTarget extends AutoCloseable {

  /**
   * Writes a document and adds that to the ledger; perhaps nothing is written, if nodes are down.
   */
  void upsert(String documentId, String json, ChaosLedger ledger) throws Exception;

  /** Deletes a document, if there is one, and adds that to the ledger. */
  void delete(String documentId, ChaosLedger ledger) throws Exception;

  /** Where and as whom a connector reads it, in the connector's keys. */
  Map<String, String> connectorConfig();

  /** What can go wrong here, apart from what can go wrong everywhere. */
  List<ChaosFault> faults(ChaosLedger ledger);

  @Override
  void close();
}
