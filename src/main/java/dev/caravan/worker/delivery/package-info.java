// SPDX-License-Identifier: Apache-2.0
/**
 * What tasks write to Kafka with: the producers of records and offsets, transactions, and the
 * offsets topic.
 *
 * <p>{@link dev.caravan.worker.delivery.TaskDelivery} gives each run of a task a {@link
 * dev.caravan.worker.delivery.TaskWriter}: views of producers that all tasks share at least once,
 * and a producer and a transaction of its own exactly once. {@code DeliveryMonitor} gives up
 * producers that are stuck, and {@link dev.caravan.worker.delivery.OffsetTopic} reads and writes
 * progress. May use {@code worker.group}, for the lease, {@code worker.kafka}, {@code connector},
 * {@code record}, {@code component} and {@code offset}.
 */
@NullMarked
package dev.caravan.worker.delivery;

import org.jspecify.annotations.NullMarked;
