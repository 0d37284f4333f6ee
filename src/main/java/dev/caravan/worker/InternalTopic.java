// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import java.util.Optional;

/**
 * A topic in which a worker keeps something of its own.
 *
 * @param property the worker's property that names the topic
 * @param name the topic
 * @param holds what it holds, for messages
 * @param isSinglePartition whether more partitions than one would break what it is for
 * @param partitions how many it gets when it is made; empty for the broker's default
 * @param replication how many replicas it gets when it is made; empty for the broker's default
 * @param replicationProperty the worker's property for that
 * @param isReplicationGiven whether somebody set that property
 */
record InternalTopic(
    String property,
    String name,
    String holds,
    boolean isSinglePartition,
    Optional<Integer> partitions,
    Optional<Short> replication,
    String replicationProperty,
    boolean isReplicationGiven) {}
