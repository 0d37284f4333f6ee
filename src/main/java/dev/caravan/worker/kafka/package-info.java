// SPDX-License-Identifier: Apache-2.0
/**
 * The worker's access to Kafka.
 *
 * <p>{@link dev.caravan.worker.kafka.WorkerConfig} is the configuration of a worker: brokers, group
 * and internal topics. {@link dev.caravan.worker.kafka.KafkaCluster} creates and checks topics and
 * describes groups. {@link dev.caravan.worker.kafka.TopicLogReader} reads a topic from its
 * beginning and follows it. Uses no other package of Caravan.
 */
@NullMarked
package dev.caravan.worker.kafka;

import org.jspecify.annotations.NullMarked;
