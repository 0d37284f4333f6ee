// SPDX-License-Identifier: Apache-2.0
/**
 * The {@code demo} command: all of Caravan in one process, with documents that change and a count
 * of what reached Kafka.
 *
 * <p>May use {@code cli.process}, for the worker, and {@code sandbox}, for Couchbase and Kafka.
 *
 * <p>Options of commands are fields that picocli sets before a command is called, so they are never
 * null, unless they are marked.
 */
@NullMarked
package dev.caravan.cli.demo;

import org.jspecify.annotations.NullMarked;
