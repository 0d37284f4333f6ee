// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * The members of the group whose state its leader can't read. Nobody knows which tasks they have.
 * The leader sends each an empty assignment, which ends its lease at once; after one session
 * timeout the leader relies on that. Not thread-safe.
 */
final class UnreadableMembers {
  private final long session;
  private final LongSupplier nanoTime;

  /** When a member was first sent an empty assignment. */
  private final Map<String, OptionalLong> members = new HashMap<>();

  UnreadableMembers(Duration sessionTimeout, LongSupplier nanoTime) {
    this.session = sessionTimeout.toNanos();
    this.nanoTime = nanoTime;
  }

  /** These are in the group now. */
  void present(Set<String> ids) {
    members.keySet().retainAll(ids);
    ids.forEach(id -> members.putIfAbsent(id, OptionalLong.empty()));
  }

  /** The group has sent the empty assignments. */
  void sent() {
    members.replaceAll((id, at) -> at.isPresent() ? at : OptionalLong.of(nanoTime.getAsLong()));
  }

  /** Another worker leads the group, which may be able to read them. */
  void forget() {
    members.clear();
  }

  /** Whether one of them may have tasks. */
  boolean mayHaveTasks() {
    long now = nanoTime.getAsLong();
    return members.values().stream().anyMatch(at -> at.isEmpty() || now - at.getAsLong() < session);
  }
}
