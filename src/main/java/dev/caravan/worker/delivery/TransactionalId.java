// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * By what Kafka knows the owner of a task's transactions. Whoever opens a producer with it fences
 * all earlier ones. It is {@code <group>:<connector>:<generation>:<task>}, where a colon or percent
 * sign in a name is percent-encoded, so that no two tasks have the same.
 *
 * @param group the group of workers
 * @param connector the connector
 * @param generation of the connector's set of tasks, which grows with every change of its
 *     configuration
 * @param task the task's number in that set
 */
public record TransactionalId(String group, String connector, long generation, int task) {
  private static final Pattern ID =
      Pattern.compile("([^:]*):([^:]*):([0-9]{1,18}):([0-9]{1,9})", Pattern.DOTALL);
  private static final int GROUP = 1;
  private static final int CONNECTOR = 2;
  private static final int GENERATION = 3;
  private static final int TASK = 4;

  @Override
  public String toString() {
    return encoded(group) + ":" + encoded(connector) + ":" + generation + ":" + task;
  }

  private static String encoded(String name) {
    return name.replace("%", "%25").replace(":", "%3A");
  }

  private static String decoded(String name) {
    return name.replace("%3A", ":").replace("%25", "%");
  }

  /**
   * Reads an id.
   *
   * @return empty if it is none of a task of this group of workers
   */
  static Optional<TransactionalId> parse(String group, String id) {
    Matcher parts = ID.matcher(id);
    if (!parts.matches() || !parts.group(GROUP).equals(encoded(group))) {
      return Optional.empty();
    }
    return Optional.of(
        new TransactionalId(
            group,
            decoded(parts.group(CONNECTOR)),
            Long.parseLong(parts.group(GENERATION)),
            Integer.parseInt(parts.group(TASK))));
  }

  /** Whether an id is one of an earlier set of tasks of the same connector. */
  boolean isOlder(String other) {
    return parse(group, other)
        .filter(theirs -> theirs.connector().equals(connector) && theirs.generation() < generation)
        .isPresent();
  }
}
