// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;

/**
 * A worker whose fleet is measured. It can be started again after each stop. Its REST calls may be
 * made by several threads at a time, the rest by one.
 */
public interface FleetWorker extends AutoCloseable {
  /** Starts it and returns when its REST API answers. */
  void start() throws IOException;

  /** Ends it as a service manager does; returns how long that took. */
  Duration stop();

  /**
   * Creates or changes a connector.
   *
   * @throws IOException if the worker doesn't, or doesn't answer
   */
  void put(String name, Map<String, String> config) throws IOException, InterruptedException;

  /**
   * The status of a connector.
   *
   * @throws IOException if the worker doesn't answer with it
   */
  JsonNode status(String name) throws IOException, InterruptedException;

  /** What its id ends with: a colon and its port. */
  String id();

  /** A value of its process's status, such as {@code VmRSS} in kilobytes; 0 if unknown. */
  long processStatus(String key) throws IOException;

  @Override
  void close();
}
