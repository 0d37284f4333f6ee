// SPDX-License-Identifier: Apache-2.0
/**
 * Connectors: their configuration, their tasks, and a task as a Camel route.
 *
 * <p>{@link dev.caravan.connector.ConnectorOptions} has all keys of the configuration. {@link
 * dev.caravan.connector.ConnectorConfig} checks a configuration and makes its values typed. {@link
 * dev.caravan.connector.TaskRoutes} creates a route of the template {@code couchbase-to-kafka} for
 * each {@link dev.caravan.connector.TaskConfig}.
 */
@NullMarked
package dev.caravan.connector;

import org.jspecify.annotations.NullMarked;
