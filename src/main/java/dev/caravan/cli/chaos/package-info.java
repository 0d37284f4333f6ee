// SPDX-License-Identifier: Apache-2.0
/**
 * The {@code chaos} command: workers, Couchbase and Kafka that are broken at random while documents
 * change.
 *
 * <p>A {@link dev.caravan.cli.chaos.ChaosFault} says what is broken, a {@link
 * dev.caravan.cli.chaos.ChaosTarget} is the Couchbase that it happens to, and {@link
 * dev.caravan.cli.chaos.ChaosReport} says at the end what that did. May use {@code
 * cli.chaos.audit}, {@code cli.process}, {@code sandbox} and {@code stream}.
 *
 * <p>Options of commands are fields that picocli sets before a command is called, so they are never
 * null, unless they are marked.
 */
@NullMarked
package dev.caravan.cli.chaos;

import org.jspecify.annotations.NullMarked;
