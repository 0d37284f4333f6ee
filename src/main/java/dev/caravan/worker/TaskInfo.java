// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import java.util.Map;

/**
 * What a task is.
 *
 * @param task its number
 * @param config the properties of its connector and its share of the vBuckets
 */
public record TaskInfo(int task, Map<String, String> config) {}
