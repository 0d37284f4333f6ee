// SPDX-License-Identifier: Apache-2.0
/**
 * The config topic: which connectors there are, how they are configured, and what somebody wants
 * them to do.
 *
 * <p>{@link dev.caravan.worker.config.ConfigTopic} stands for the topic, with a reader and a writer.
 * {@link dev.caravan.worker.config.ConfigSnapshot} is all of it up to one offset, and {@link
 * dev.caravan.worker.config.Connector} is how a worker understands one configuration of it. The
 * records are in Kafka Connect's format. May use {@code worker.kafka} and {@code connector}.
 */
@NullMarked
package dev.caravan.worker.config;

import org.jspecify.annotations.NullMarked;
