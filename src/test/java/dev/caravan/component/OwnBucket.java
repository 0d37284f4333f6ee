// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.bucket.Bucket;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInfo;

/** The base of tests that share one node, each with a bucket and a route of its own. */
abstract class OwnBucket {
  /** Started by the test class before all its tests. */
  static CouchbaseNode node;

  final Routes routes = new Routes();

  /** The name of the bucket, that of the test. */
  String name;

  Bucket bucket;

  @AfterAll
  static void stopNode() {
    node.close();
  }

  @BeforeEach
  final void createBucket(TestInfo info) {
    name = info.getTestMethod().orElseThrow().getName();
    bucket = node.createBucket(name);
  }

  @AfterEach
  final void dropBucket() {
    routes.close();
    node.dropBucket(name);
  }
}
