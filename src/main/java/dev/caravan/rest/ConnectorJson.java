// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.caravan.worker.TaskInfo;
import dev.caravan.worker.config.ConnectorInfo;
import dev.caravan.worker.status.ConnectorStatus;
import dev.caravan.worker.status.ConnectorStatus.Part;
import java.util.Map;

/** Converts the worker's types to Kafka Connect's JSON. */
final class ConnectorJson {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private ConnectorJson() {}

  static ObjectNode info(ConnectorInfo connector) {
    ObjectNode json = JSON.objectNode();
    json.put("name", connector.name());
    json.set("config", properties(connector.config()));
    ArrayNode tasks = json.putArray("tasks");
    connector.tasks().forEach(task -> tasks.add(taskId(connector.name(), task)));
    json.put("type", "source");
    return json;
  }

  static ObjectNode status(ConnectorStatus status) {
    ObjectNode json = JSON.objectNode();
    json.put("name", status.name());
    json.set("connector", part(JSON.objectNode(), status.connector()));
    ArrayNode tasks = json.putArray("tasks");
    for (int task = 0; task < status.tasks().size(); task++) {
      tasks.add(part(JSON.objectNode().put("id", task), status.tasks().get(task)));
    }
    json.put("type", "source");
    return json;
  }

  static ObjectNode task(String connector, TaskInfo task) {
    ObjectNode json = JSON.objectNode();
    json.set("id", taskId(connector, task.task()));
    json.set("config", properties(task.connector()).put("vbuckets", task.vbuckets()));
    return json;
  }

  static ObjectNode properties(Map<String, String> properties) {
    ObjectNode json = JSON.objectNode();
    properties.forEach(json::put);
    return json;
  }

  private static ObjectNode part(ObjectNode json, Part part) {
    json.put("state", part.state().name());
    json.put("worker_id", part.workerId());
    if (!part.trace().isEmpty()) {
      json.put("trace", part.trace());
    }
    return json;
  }

  private static ObjectNode taskId(String connector, int task) {
    return JSON.objectNode().put("connector", connector).put("task", task);
  }
}
