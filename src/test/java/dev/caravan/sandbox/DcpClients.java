// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import com.couchbase.client.dcp.Client;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import java.time.Duration;
import reactor.core.scheduler.Schedulers;

/** Ends DCP clients that tests use by themselves, without Caravan. */
public final class DcpClients {
  private static final Duration TIMEOUT = Duration.ofSeconds(20);

  private DcpClients() {}

  /** The settings of a client that reads the bucket "default" of a sandbox. */
  public static Client.Builder builder(String connectionString) {
    return Client.builder()
        .connectionString(connectionString)
        .bucket("default")
        .credentials(CouchbaseNode.ADMINISTRATOR, CouchbaseNode.ADMINISTRATOR_PASSWORD)
        .collectionsAware(true)
        .flowControl(64 * 1024)
        .bootstrapTimeout(TIMEOUT);
  }

  /**
   * Disconnects a client and stops its retries. A client that is disconnected while it moves a
   * stream retries every 200 ms until the JVM ends. NodeFailureTest, which counts the retries of
   * Caravan, would count those, too.
   */
  public static void end(Client client) {
    client.disconnect().block(TIMEOUT);
    // Nothing else uses these threads meanwhile; whoever needs them next gets new ones.
    Schedulers.shutdownNow();
  }
}
