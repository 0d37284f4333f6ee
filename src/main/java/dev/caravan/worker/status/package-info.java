// SPDX-License-Identifier: Apache-2.0
/**
 * The status topic: how connectors and tasks are doing, as their workers tell all others.
 *
 * <p>{@link dev.caravan.worker.status.StatusLog} writes and reads it, in Kafka Connect's format,
 * and {@link dev.caravan.worker.status.ConnectorStatus} is what a user is shown. Who writes what
 * when is decided above. May use {@code worker.config} and {@code worker.kafka}.
 */
@NullMarked
package dev.caravan.worker.status;

import org.jspecify.annotations.NullMarked;
