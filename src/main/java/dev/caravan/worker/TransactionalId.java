// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * By what Kafka knows the owner of a task's transactions. Whoever opens a producer with it fences
 * all earlier ones. It is {@code <group>:<connector>:<generation>:<task>}, where a colon or percent
 * sign in a name is percent-encoded, so that no two tasks have the same.
 *
 * @param group the group of workers
 * @param connector the connector
 * @param generation of the connector's set of tasks: the offset of the config record that made it,
 *     so that it grows with every change
 * @param task the task's number in that set
 */
record TransactionalId(String group, String connector, long generation, int task) {
  private static final Pattern GENERATION_AND_TASK = Pattern.compile("([0-9]{1,18}):[0-9]{1,9}");

  @Override
  public String toString() {
    return connectorPrefix() + generation + ":" + task;
  }

  private String connectorPrefix() {
    return encoded(group) + ":" + encoded(connector) + ":";
  }

  private static String encoded(String name) {
    return name.replace("%", "%25").replace(":", "%3A");
  }

  /** Whether an id is one of an earlier set of tasks of the same connector. */
  boolean isOlder(String other) {
    OptionalLong theirs = generationOf(other);
    return theirs.isPresent() && theirs.getAsLong() < generation;
  }

  private OptionalLong generationOf(String other) {
    String prefix = connectorPrefix();
    if (!other.startsWith(prefix)) {
      return OptionalLong.empty();
    }
    Matcher rest = GENERATION_AND_TASK.matcher(other.substring(prefix.length()));
    return rest.matches() ? OptionalLong.of(Long.parseLong(rest.group(1))) : OptionalLong.empty();
  }
}
