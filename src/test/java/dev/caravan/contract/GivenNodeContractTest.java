// SPDX-License-Identifier: Apache-2.0
package dev.caravan.contract;

import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

/** The contract with a node that the environment names, and the embedded broker. */
@EnabledIfEnvironmentVariable(
    named = GivenCouchbase.VARIABLE,
    matches = ".+",
    disabledReason = "it names no Couchbase node to test with")
class GivenNodeContractTest extends CouchbaseContract {
  @Override
  CouchbaseUnderTest startCouchbase() {
    return GivenCouchbase.parse(System.getenv(GivenCouchbase.VARIABLE));
  }

  @Override
  KafkaUnderTest startKafka() throws Exception {
    return KafkaUnderTest.embedded();
  }
}
