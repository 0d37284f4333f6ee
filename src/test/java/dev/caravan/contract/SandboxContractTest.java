// SPDX-License-Identifier: Apache-2.0
package dev.caravan.contract;

/** The contract with the sandbox's node and the embedded broker. */
class SandboxContractTest extends CouchbaseContract {
  @Override
  CouchbaseUnderTest startCouchbase() throws Exception {
    return SandboxCouchbase.start();
  }

  @Override
  KafkaUnderTest startKafka() throws Exception {
    return KafkaUnderTest.embedded();
  }
}
