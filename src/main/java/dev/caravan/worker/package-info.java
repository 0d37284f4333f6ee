// SPDX-License-Identifier: Apache-2.0
/**
 * The worker: which connectors exist, which of their tasks run here, and their status.
 *
 * <p>The REST API calls {@link dev.caravan.worker.Worker}. The {@code Herder} makes all decisions
 * on one thread and never waits. Its inputs have threads of their own: the config topic in {@code
 * worker.config}, the group in {@code worker.group}, the status topic in {@code worker.status}, and
 * the tasks in {@code LocalTasks}, which start and stop on the lifecycle thread. Tasks write to
 * Kafka through {@code worker.delivery}. All topics have Kafka Connect's formats. May use all
 * packages below, {@code connector} and {@code offset}.
 */
@NullMarked
package dev.caravan.worker;

import org.jspecify.annotations.NullMarked;
