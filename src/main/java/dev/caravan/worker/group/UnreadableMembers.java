// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * The members whose state the leader can't read. Their tasks are unknown. The leader sends them an
 * empty assignment, which ends their lease at once. One session timeout later it relies on that.
 * Not thread-safe.
 */
final class UnreadableMembers {
  private final long session;
  private final LongSupplier nanoTime;

  /** When a member was first sent an empty assignment, by member id. */
  private final Map<String, OptionalLong> members = new HashMap<>();

  UnreadableMembers(Duration sessionTimeout, LongSupplier nanoTime) {
    this.session = sessionTimeout.toNanos();
    this.nanoTime = nanoTime;
  }

  /** Sets the unreadable members of the current rebalance. */
  void present(Set<String> ids) {
    members.keySet().retainAll(ids);
    ids.forEach(id -> members.putIfAbsent(id, OptionalLong.empty()));
  }

  /** Records that the group has sent the empty assignments. */
  void sent() {
    members.replaceAll((id, at) -> at.isPresent() ? at : OptionalLong.of(nanoTime.getAsLong()));
  }

  /** Forgets all members, because another worker leads the group. */
  void forget() {
    members.clear();
  }

  /** Returns whether one of the members may still run tasks. */
  boolean mayHaveTasks() {
    long now = nanoTime.getAsLong();
    return members.values().stream().anyMatch(at -> at.isEmpty() || now - at.getAsLong() < session);
  }
}
