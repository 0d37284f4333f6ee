// SPDX-License-Identifier: Apache-2.0
/**
 * The {@code caravan} command, {@link dev.caravan.cli.Caravan}, and its commands {@code worker} and
 * {@code sandbox}. The commands {@code demo}, {@code bench} and {@code chaos} have packages of
 * their own. May use all packages below, {@code worker.kafka} and {@code sandbox}.
 *
 * <p>picocli sets the option fields of a command before it calls the command. These fields are not
 * null, unless they are marked {@code @Nullable}.
 */
@NullMarked
package dev.caravan.cli;

import org.jspecify.annotations.NullMarked;
