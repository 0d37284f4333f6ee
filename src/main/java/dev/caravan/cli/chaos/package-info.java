// SPDX-License-Identifier: Apache-2.0
/**
 * The {@code chaos} command: injects random faults into workers, Couchbase and Kafka while
 * documents change, and audits the records.
 *
 * <p>A {@link dev.caravan.cli.chaos.ChaosFault} is an injected fault, a {@link
 * dev.caravan.cli.chaos.ChaosTarget} is the Couchbase cluster of the run, and {@link
 * dev.caravan.cli.chaos.ChaosReport} prints the results. May use {@code cli.chaos.audit}, {@code
 * cli.process}, {@code connector}, {@code sandbox} and {@code stream}.
 *
 * <p>picocli sets the option fields of a command before it calls the command. These fields are not
 * null, unless they are marked {@code @Nullable}.
 */
@NullMarked
package dev.caravan.cli.chaos;

import org.jspecify.annotations.NullMarked;
