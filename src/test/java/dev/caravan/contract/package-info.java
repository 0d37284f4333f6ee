// SPDX-License-Identifier: Apache-2.0
/**
 * The contract with any Couchbase and any Kafka, {@link dev.caravan.contract.CouchbaseContract}. It
 * runs with the sandbox, with a node that the environment names, and with containers.
 *
 * <p>{@link dev.caravan.sandbox.TcpProxy} injects the faults of the network, so that they are the
 * same for all servers.
 */
package dev.caravan.contract;
