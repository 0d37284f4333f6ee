// SPDX-License-Identifier: Apache-2.0
/**
 * The {@code bench} command: how fast changes get through, how much memory that takes, and how many
 * connectors a worker carries.
 *
 * <p>Each measurement is made in a fresh process; {@link dev.caravan.cli.bench.BenchRun} is the
 * hidden command that such a process runs. May use {@code cli.process} and {@code worker.delivery}.
 *
 * <p>Options of commands are fields that picocli sets before a command is called, so they are never
 * null, unless they are marked.
 */
@NullMarked
package dev.caravan.cli.bench;

import org.jspecify.annotations.NullMarked;
