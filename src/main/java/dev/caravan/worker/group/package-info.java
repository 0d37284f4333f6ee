// SPDX-License-Identifier: Apache-2.0
/**
 * The group of workers, which distributes the tasks.
 *
 * <p>{@link dev.caravan.worker.group.GroupMembership} polls Kafka's consumer, {@code GroupAssignor}
 * is what the consumer asks, {@code Assignor} decides if this worker is the leader, {@link
 * dev.caravan.worker.group.WorkerCoordinator} stands between the group's thread and the herder's, and
 * {@link dev.caravan.worker.group.GroupLease} says until when this worker may run its tasks. May
 * use {@code worker.kafka}.
 */
@NullMarked
package dev.caravan.worker.group;

import org.jspecify.annotations.NullMarked;
