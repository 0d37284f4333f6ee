// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.bucket.Bucket;
import java.io.IOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** The base of tests of one node whose bucket "probe" has what the recorded one had. */
public abstract class RecordedNode {
  protected CouchbaseNode node;
  protected Bucket bucket;

  /** Closed after the test, if the test has opened it. */
  protected RawClient client;

  @BeforeEach
  protected final void startNode() throws IOException {
    node = CouchbaseNode.builder().vbuckets(64).bucket("probe").start();
    bucket = node.bucket("probe");
    Recorded.fill(bucket);
  }

  @AfterEach
  protected final void stopNode() throws IOException {
    if (client != null) {
      client.close();
    }
    node.close();
  }
}
