// SPDX-License-Identifier: Apache-2.0
/**
 * The {@code caravan} command: {@link dev.caravan.cli.Caravan}, and its commands that are small,
 * for running a worker ({@code worker}) and something to try it on ({@code sandbox}). Those for
 * trying it ({@code demo}), measuring it ({@code bench}) and breaking it ({@code chaos}) have
 * packages of their own. May use all packages below, {@code worker.kafka} and {@code sandbox}.
 *
 * <p>Options of commands are fields that picocli sets before a command is called, so they are never
 * null, unless they are marked.
 */
@NullMarked
package dev.caravan.cli;

import org.jspecify.annotations.NullMarked;
