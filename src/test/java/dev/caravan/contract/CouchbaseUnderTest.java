// SPDX-License-Identifier: Apache-2.0
package dev.caravan.contract;

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

  /** Somebody who may read, write and stream the bucket. */
  Login login();

  /** The bucket to use. It may hold documents of others, and those of earlier runs. */
  String bucket();

  /** Somebody who may log in, and has no right in the bucket. */
  Login withoutRights();

  /** Makes a scope with collections in it. */
  void createCollections(String scope, String... collections);

  @Override
  void close();
}
