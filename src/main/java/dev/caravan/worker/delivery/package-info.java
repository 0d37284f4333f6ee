// SPDX-License-Identifier: Apache-2.0
/**
 * Delivery to Kafka: the tasks' producers of records and offsets, their transactions, and the
 * offsets topic.
 *
 * <p>{@link dev.caravan.worker.delivery.TaskDelivery} opens a {@link
 * dev.caravan.worker.delivery.TaskWriter} for each run of a task and defines its chain of
 * producers. {@code DeliveryMonitor} aborts producers that are stuck. {@link
 * dev.caravan.worker.delivery.OffsetTopic} reads and writes offsets. May use {@code worker.group},
 * for the lease, {@code worker.kafka}, {@code connector}, {@code record}, {@code component} and
 * {@code offset}.
 */
@NullMarked
package dev.caravan.worker.delivery;

import org.jspecify.annotations.NullMarked;
