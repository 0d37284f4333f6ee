// SPDX-License-Identifier: Apache-2.0
/**
 * The Kafka cluster that a worker belongs to.
 *
 * <p>{@link dev.caravan.worker.kafka.WorkerConfig} is the worker's configuration, which says where
 * Kafka is and which topics and which group are the worker's. {@link
 * dev.caravan.worker.kafka.KafkaCluster} makes and checks topics and asks about groups, and {@link
 * dev.caravan.worker.kafka.TopicLogReader} reads topics from their start and goes on. Uses nothing of
 * ours.
 */
@NullMarked
package dev.caravan.worker.kafka;

import org.jspecify.annotations.NullMarked;
