// SPDX-License-Identifier: Apache-2.0
/**
 * What Caravan promises of any Couchbase and any Kafka: {@link
 * dev.caravan.contract.CouchbaseContract}, run against the sandbox, against a node that the
 * environment names, and against containers.
 *
 * <p>Troubles of the network are made by {@link dev.caravan.sandbox.TcpProxy}, so that they are the
 * same whatever stands behind it.
 */
package dev.caravan.contract;
