// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import java.io.IOException;
import java.util.List;
import java.util.Map;

/**
 * The Couchbase that the chaos runs on: written to by one thread, while faults come from another.
 */
interface ChaosTarget extends AutoCloseable {

  /** Writes a document. */
  void upsert(String documentId, String json);

  /** Deletes a document, if there is one. */
  void delete(String documentId);

  /** All writes so far, those to a document in the order in which they were made. */
  List<ChaosWrite> writes() throws IOException;

  /** Where and as whom a connector reads it, in the connector's keys. */
  Map<String, String> connectorConfig();

  /** What can go wrong here, apart from what can go wrong everywhere. */
  List<ChaosFault> faults();

  @Override
  void close();
}
