// SPDX-License-Identifier: Apache-2.0
package dev.caravan.contract;

import com.couchbase.client.java.Cluster;
import com.couchbase.client.java.manager.collection.CollectionManager;
import com.couchbase.client.java.manager.user.User;
import org.testcontainers.couchbase.BucketDefinition;
import org.testcontainers.couchbase.CouchbaseContainer;
import org.testcontainers.couchbase.CouchbaseService;

/** Couchbase Server in a container. */
record ContainerCouchbase(CouchbaseContainer container) implements CouchbaseUnderTest {
  private static final String IMAGE = "couchbase/server:7.6.3";
  private static final String BUCKET = "contract";

  static ContainerCouchbase start() {
    CouchbaseContainer container =
        new CouchbaseContainer(IMAGE)
            .withEnabledServices(CouchbaseService.KV)
            .withBucket(new BucketDefinition(BUCKET).withPrimaryIndex(false));
    container.start();
    return new ContainerCouchbase(container);
  }

  @Override
  public String host() {
    return container.getHost();
  }

  @Override
  public int port() {
    return container.getBootstrapCarrierDirectPort();
  }

  @Override
  public Credentials login() {
    return new Credentials(container.getUsername(), container.getPassword());
  }

  @Override
  public String bucket() {
    return BUCKET;
  }

  @Override
  public Credentials withoutRights() {
    Credentials visitor = new Credentials("visitor", "secret-of-visitor");
    try (Cluster cluster = connect()) {
      cluster.users().upsertUser(new User(visitor.username()).password(visitor.password()));
    }
    return visitor;
  }

  @Override
  public void createCollections(String scope, String... names) {
    try (Cluster cluster = connect()) {
      CollectionManager collections = cluster.bucket(BUCKET).collections();
      collections.createScope(scope);
      for (String name : names) {
        collections.createCollection(scope, name);
      }
    }
  }

  private Cluster connect() {
    return Cluster.connect(
        container.getConnectionString(), container.getUsername(), container.getPassword());
  }

  @Override
  public void close() {
    container.stop();
  }
}
