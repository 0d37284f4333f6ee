// SPDX-License-Identifier: Apache-2.0
/**
 * A worker: which connectors there are, which of their tasks run here, and how they are doing.
 *
 * <p>{@link dev.caravan.worker.Worker} is what the REST API calls. What it knows comes from four
 * places, each with threads of its own:
 *
 * <ul>
 *   <li>the config topic, the truth about connectors: {@code ConfigLog}, with its reader and its
 *       writer;
 *   <li>the group of workers, which shares out their tasks: {@code GroupMembership} polls Kafka's
 *       consumer, {@code Assignor} decides if this worker is the leader, {@code GroupWork} stands
 *       between the group's thread and the herder's, and {@code GroupLease} tells when others may
 *       have this worker's tasks;
 *   <li>the tasks themselves: {@code LocalTasks}, started and stopped on the lifecycle thread;
 *   <li>the status topic, what the others know of theirs: {@code StatusLog} and {@code
 *       StatusBoard}.
 * </ul>
 *
 * <p>The {@code Herder} decides, alone on its thread, and never waits. Progress is in the offsets
 * topic, and the producers of tasks are here, too: shared at least once, one for each task exactly
 * once. All topics are in Kafka Connect's formats.
 */
@NullMarked
package dev.caravan.worker;

import org.jspecify.annotations.NullMarked;
