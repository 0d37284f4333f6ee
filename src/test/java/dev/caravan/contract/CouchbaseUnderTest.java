// SPDX-License-Identifier: Apache-2.0
package dev.caravan.contract;

import dev.caravan.testkit.Connectors;
import java.util.HashMap;
import java.util.Map;

/**
 * A Couchbase cluster of one node that the contract is tested with. A method that this kind of
 * server does not support aborts the test with the reason.
 */
interface CouchbaseUnderTest extends AutoCloseable {
  /** A user and a password. */
  record Credentials(String username, String password) {}

  String host();

  /** The port of the KV service, without TLS. */
  int port();

  /** The host and the port. */
  default String address() {
    return host() + ":" + port();
  }

  /** A user with the rights to read, write and stream the bucket. */
  Credentials login();

  /** The bucket. It may have other documents. */
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

  /** A user without rights in the bucket. */
  Credentials withoutRights();

  /** Creates a scope with collections. */
  void createCollections(String scope, String... collections);

  @Override
  void close();
}
