// SPDX-License-Identifier: Apache-2.0
/**
 * What the commands share: programs that run, and how they end.
 *
 * <p>{@link dev.caravan.cli.process.WorkerApplication} is a worker in this process, {@link
 * dev.caravan.cli.process.WorkerProcess} is one in a process of its own, started as a {@link
 * dev.caravan.cli.process.ChildProcess}, and {@link dev.caravan.cli.process.ShutdownHook} waits for
 * the signal to end. {@link dev.caravan.cli.process.CommittedRecords} reads what such programs
 * wrote to Kafka. May use {@code worker}, {@code rest}, {@code connector} and {@code record}, but
 * no other package of the command.
 */
@NullMarked
package dev.caravan.cli.process;

import org.jspecify.annotations.NullMarked;
