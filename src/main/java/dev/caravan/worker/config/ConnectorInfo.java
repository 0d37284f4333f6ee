// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.config;

import java.util.List;
import java.util.Map;

/**
 * The configuration of a connector.
 *
 * @param name the name of the connector
 * @param config its properties as they were sent, secrets included
 * @param tasks the numbers of its tasks
 */
public record ConnectorInfo(String name, Map<String, String> config, List<Integer> tasks) {}
