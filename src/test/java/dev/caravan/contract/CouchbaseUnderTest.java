// SPDX-License-Identifier: Apache-2.0
package dev.caravan.contract;

import dev.caravan.testkit.Connectors;
import java.util.HashMap;
import java.util.Map;

/**
 * A Couchbase of one node that the contract is held against. What a kind of server can't do aborts
 * the test with a message that says so.
 */
interface CouchbaseUnderTest extends AutoCloseable {
  /** A user and a password. */
  record Login(String username, String password) {}

  String host();

  /** The port of the KV service, without TLS. */
  int port();

  /** The host and the port. */
  default String address() {
    return host() + ":" + port();
  }

  /** Somebody who may read, write and stream the bucket. */
  Login login();

  /** The bucket to use. It may hold documents of others, and those of earlier runs. */
  String bucket();

  /**
   * The configuration of a connector that copies the bucket into the topic {@code prefix + bucket}.
   *
   * @param nodes the address to connect to
   * @param options take precedence
   */
  default Map<String, String> connector(String prefix, String nodes, Map<String, String> options) {
    Map<String, String> all = new HashMap<>();
    all.put("couchbase.username", login().username());
    all.put("couchbase.password", login().password());
    all.putAll(options);
    return Connectors.config(nodes, bucket(), prefix, all);
  }

  /** Somebody who may log in, and has no right in the bucket. */
  Login withoutRights();

  /** Makes a scope with collections in it. */
  void createCollections(String scope, String... collections);

  @Override
  void close();
}
