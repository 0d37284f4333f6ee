// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/**
 * The status of a connector's tasks, as the REST API returns it.
 *
 * @param tasks in the order of their ids; empty if the connector has not been split into tasks
 */
public record ReportedStatus(List<ReportedTask> tasks) {
  /**
   * The status of a task.
   *
   * @param state such as {@code RUNNING}
   * @param workerId the worker that has the task, {@code host:port}
   * @param trace the reason of a failure, or an empty string
   */
  public record ReportedTask(String state, String workerId, String trace) {
    public boolean isRunning() {
      return state.equals("RUNNING");
    }
  }

  static ReportedStatus of(JsonNode status) {
    List<ReportedTask> tasks = new ArrayList<>();
    for (JsonNode task : status.path("tasks")) {
      tasks.add(
          new ReportedTask(
              task.path("state").asText(),
              task.path("worker_id").asText(),
              task.path("trace").asText()));
    }
    return new ReportedStatus(List.copyOf(tasks));
  }

  /** Whether the connector has tasks and all of them run. */
  public boolean isRunning() {
    return !tasks.isEmpty() && tasks.stream().allMatch(ReportedTask::isRunning);
  }
}
