// SPDX-License-Identifier: Apache-2.0
/**
 * The status topic: the states of connectors and tasks, as their workers report them.
 *
 * <p>{@link dev.caravan.worker.status.StatusTopic} reads and writes it in Kafka Connect's format.
 * {@link dev.caravan.worker.status.ConnectorStatus} is the status as the REST API shows it. May use
 * {@code worker.config} and {@code worker.kafka}.
 */
@NullMarked
package dev.caravan.worker.status;

import org.jspecify.annotations.NullMarked;
