// SPDX-License-Identifier: Apache-2.0
/**
 * Workers and other programs that several commands start, and clients for them.
 *
 * <p>{@link dev.caravan.cli.process.WorkerApplication} is a worker in this process, {@link
 * dev.caravan.cli.process.WorkerProcess} is a worker in a {@link
 * dev.caravan.cli.process.ChildProcess}, and {@link dev.caravan.cli.process.ConnectClient} calls
 * their REST API. {@link dev.caravan.cli.process.ShutdownHook} stops a program in order. {@link
 * dev.caravan.cli.process.CommittedRecords} reads topics. May use {@code worker}, {@code
 * worker.delivery}, {@code worker.kafka}, {@code rest}, {@code connector} and {@code record}, but
 * no other package of the command.
 */
@NullMarked
package dev.caravan.cli.process;

import org.jspecify.annotations.NullMarked;
