// SPDX-License-Identifier: Apache-2.0
/**
 * The status topic: the states of connectors and tasks, as their workers report them.
 *
 * <p>{@link dev.caravan.worker.status.StatusTopic} writes and reads it, in Kafka Connect's format,
 * and {@link dev.caravan.worker.status.ConnectorStatus} is what a user is shown. Who writes what
 * when is decided above. May use {@code worker.config} and {@code worker.kafka}.
 */
@NullMarked
package dev.caravan.worker.status;

import org.jspecify.annotations.NullMarked;
