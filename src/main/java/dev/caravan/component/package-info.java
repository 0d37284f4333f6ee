// SPDX-License-Identifier: Apache-2.0
/**
 * The Camel component {@code couchbase-dcp}: {@link dev.caravan.component.CouchbaseDcpComponent}
 * makes endpoints of {@link dev.caravan.component.CouchbaseDcpConfiguration}, whose {@link
 * dev.caravan.component.CouchbaseDcpConsumer} puts a bucket's changes, each a {@link
 * dev.caravan.component.CouchbaseDcpMessage}, into a route in their order. {@link
 * dev.caravan.component.DrainRate} gives a route its throttle.
 *
 * <p>Part of the thin jar that any Camel application can use: it knows nothing of workers, REST or
 * Kafka.
 */
@NullMarked
package dev.caravan.component;

import org.jspecify.annotations.NullMarked;
