// SPDX-License-Identifier: Apache-2.0
/**
 * The {@code bench} command: measures throughput, CPU time and memory, and the cost of many
 * connectors.
 *
 * <p>{@link dev.caravan.cli.bench.BenchRun} is the hidden command that runs one variant in a new
 * process. May use {@code cli.process}, {@code connector} and {@code worker.delivery}.
 *
 * <p>picocli sets the option fields of a command before it calls the command. These fields are not
 * null, unless they are marked {@code @Nullable}.
 */
@NullMarked
package dev.caravan.cli.bench;

import org.jspecify.annotations.NullMarked;
