// SPDX-License-Identifier: Apache-2.0
/**
 * A worker: which connectors there are, which of their tasks run here, and how they are doing.
 *
 * <p>{@link dev.caravan.worker.Worker} is what the REST API calls. The {@code Herder} decides,
 * alone on its thread, and never waits. What it knows comes from four places, each with threads of
 * its own: the config topic in {@code worker.config}, the group of workers in {@code worker.group},
 * the status topic in {@code worker.status}, and the tasks themselves: {@code LocalTasks}, started
 * and stopped on the lifecycle thread. They write with what {@code worker.delivery} gives them. All
 * topics are in Kafka Connect's formats. May use all packages below, {@code connector} and {@code
 * offset}.
 */
@NullMarked
package dev.caravan.worker;

import org.jspecify.annotations.NullMarked;
