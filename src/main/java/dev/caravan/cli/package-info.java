// SPDX-License-Identifier: Apache-2.0
/**
 * The {@code caravan} command: {@link dev.caravan.cli.Caravan} and its subcommands, for running a
 * worker ({@code worker}), trying it ({@code demo}, {@code sandbox}), measuring it ({@code bench})
 * and breaking it ({@code chaos}).
 *
 * <p>Options of commands are fields that picocli sets before a command is called, so they are never
 * null, unless they are marked.
 */
@NullMarked
package dev.caravan.cli;

import org.jspecify.annotations.NullMarked;
