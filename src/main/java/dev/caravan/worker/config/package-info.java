// SPDX-License-Identifier: Apache-2.0
/**
 * The config topic: connectors, their configurations and target states.
 *
 * <p>{@link dev.caravan.worker.config.ConfigTopic} reads and writes it in Kafka Connect's format.
 * {@link dev.caravan.worker.config.ConfigSnapshot} is its contents up to an offset. {@link
 * dev.caravan.worker.config.Connector} is one parsed configuration. May use {@code worker.kafka}
 * and {@code connector}.
 */
@NullMarked
package dev.caravan.worker.config;

import org.jspecify.annotations.NullMarked;
