// SPDX-License-Identifier: Apache-2.0
package dev.caravan.contract;

import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.bucket.Bucket;
import java.io.IOException;

/** The sandbox's node, in this process. */
record SandboxCouchbase(CouchbaseNode node) implements CouchbaseUnderTest {
  private static final String BUCKET = "contract";
  private static final Credentials VISITOR = new Credentials("visitor", "secret");

  static SandboxCouchbase start() throws IOException {
    return new SandboxCouchbase(
        CouchbaseNode.builder()
            .vbuckets(64)
            .bucket(BUCKET)
            .user(VISITOR.username(), VISITOR.password())
            .start());
  }

  @Override
  public String host() {
    return node.host();
  }

  @Override
  public int port() {
    return node.port();
  }

  @Override
  public Credentials login() {
    return new Credentials(CouchbaseNode.ADMINISTRATOR, CouchbaseNode.ADMINISTRATOR_PASSWORD);
  }

  @Override
  public String bucket() {
    return BUCKET;
  }

  @Override
  public Credentials withoutRights() {
    return VISITOR;
  }

  @Override
  public void createCollections(String scope, String... collections) {
    Bucket bucket = node.bucket(BUCKET);
    bucket.createScope(scope);
    for (String collection : collections) {
      bucket.createCollection(scope, collection);
    }
  }

  @Override
  public void close() {
    node.close();
  }
}
