// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import com.couchbase.client.dcp.Client;
import java.time.Duration;
import reactor.core.scheduler.Schedulers;

/** Ends DCP clients that tests use by themselves, without Caravan. */
public final class DcpClients {
  private static final Duration TIMEOUT = Duration.ofSeconds(20);

  private DcpClients() {}

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
