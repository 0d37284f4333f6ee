// SPDX-License-Identifier: Apache-2.0
package dev.caravan.contract;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URI;
import java.net.URLDecoder;
import org.junit.jupiter.api.Assumptions;

/**
 * A given node. Only its KV protocol is used, so tests that need the cluster manager are skipped.
 */
record GivenCouchbase(String host, int port, Credentials login, String bucket)
    implements CouchbaseUnderTest {
  /** The environment variable that names the node, see {@link #parse}. */
  static final String VARIABLE = "CARAVAN_TEST_COUCHBASE";

  private static final int DEFAULT_PORT = 11210;

  /**
   * Parses {@code couchbase://user:password@host:port/bucket}. The port is that of the KV service,
   * by default 11210. Special characters in user, password and bucket are percent-encoded.
   *
   * @throws IllegalArgumentException if it is of another form; the message doesn't repeat it, as
   *     there is a password in it
   */
  static GivenCouchbase parse(String value) {
    try {
      URI uri = URI.create(value);
      String[] login = uri.getRawUserInfo().split(":", 2);
      String bucket = uri.getRawPath().substring(1);
      if (uri.getScheme().equals("couchbase") && !uri.getHost().isEmpty() && !bucket.isEmpty()) {
        return new GivenCouchbase(
            uri.getHost(),
            uri.getPort() < 0 ? DEFAULT_PORT : uri.getPort(),
            new Credentials(decoded(login[0]), decoded(login[1])),
            decoded(bucket));
      }
    } catch (RuntimeException e) {
      // Reported below without the cause, whose message may have the password.
    }
    throw new IllegalArgumentException(
        VARIABLE + " must be of the form couchbase://user:password@host:port/bucket");
  }

  private static String decoded(String part) {
    return URLDecoder.decode(part.replace("+", "%2B"), UTF_8);
  }

  @Override
  public Credentials withoutRights() {
    return Assumptions.abort("A node that is given has no user to spare without rights.");
  }

  @Override
  public void createCollections(String scope, String... collections) {
    Assumptions.abort(
        "Collections are made by the cluster manager, and only the KV protocol of a node that is"
            + " given is used.");
  }

  @Override
  public void close() {
    // The node belongs to somebody else.
  }
}
