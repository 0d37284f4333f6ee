// SPDX-License-Identifier: Apache-2.0
/**
 * The {@code demo} command: a worker and the sandbox in one process, a writer of documents, and an
 * audit of the records in Kafka.
 *
 * <p>May use {@code cli.process} for the worker and {@code sandbox} for Couchbase and Kafka.
 *
 * <p>picocli sets the option fields of a command before it calls the command. These fields are not
 * null, unless they are marked {@code @Nullable}.
 */
@NullMarked
package dev.caravan.cli.demo;

import org.jspecify.annotations.NullMarked;
