// SPDX-License-Identifier: Apache-2.0
/**
 * What a connector is: its configuration, checked and typed, its tasks, and a task as a Camel
 * route.
 *
 * <p>{@link dev.caravan.connector.ConnectorConfig} reads what was sent over REST; {@link
 * dev.caravan.connector.TaskRoutes} makes a route of the template {@code couchbase-to-kafka} for
 * each {@link dev.caravan.connector.TaskConfig}.
 */
@NullMarked
package dev.caravan.connector;

import org.jspecify.annotations.NullMarked;
