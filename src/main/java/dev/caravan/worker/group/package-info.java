// SPDX-License-Identifier: Apache-2.0
/**
 * The group of workers, which distributes the tasks.
 *
 * <p>{@link dev.caravan.worker.group.GroupMembership} polls Kafka's consumer, which calls {@code
 * GroupAssignor}. {@code Assignor} computes the assignment on the leader. {@link
 * dev.caravan.worker.group.WorkerCoordinator} coordinates the group's thread with the herder's
 * thread. {@link dev.caravan.worker.group.GroupLease} limits how long this worker may run its
 * tasks. May use {@code worker.kafka}.
 */
@NullMarked
package dev.caravan.worker.group;

import org.jspecify.annotations.NullMarked;
