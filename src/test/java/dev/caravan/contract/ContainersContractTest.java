// SPDX-License-Identifier: Apache-2.0
package dev.caravan.contract;

import org.testcontainers.junit.jupiter.Testcontainers;

/** The contract with Couchbase Server and Kafka in containers. */
@Testcontainers(disabledWithoutDocker = true)
class ContainersContractTest extends CouchbaseContract {
  @Override
  CouchbaseUnderTest startCouchbase() {
    return ContainerCouchbase.start();
  }

  @Override
  KafkaUnderTest startKafka() {
    return KafkaUnderTest.container();
  }
}
