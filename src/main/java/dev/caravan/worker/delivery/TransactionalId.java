// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The transactional id of a task. Whoever initializes a producer with it fences all earlier ones.
 * Its form is {@code <group>:<connector>:<generation>:<task>}. Colons and percent signs in names
 * are percent-encoded, so that no two tasks have the same id.
 *
 * @param group the group id of the workers
 * @param connector the name of the connector
 * @param generation the config generation of the connector
 * @param task the number of the task
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
   * Parses an id.
   *
   * @return the id; empty if it does not belong to a task of this group
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

  /** Returns whether an id belongs to an earlier config generation of the same connector. */
  boolean isOlder(String other) {
    return parse(group, other)
        .filter(theirs -> theirs.connector().equals(connector) && theirs.generation() < generation)
        .isPresent();
  }
}
