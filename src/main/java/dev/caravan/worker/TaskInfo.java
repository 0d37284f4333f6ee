// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import java.util.Map;

/**
 * The configuration of a task.
 *
 * @param task the task number
 * @param connector the properties of its connector, secrets included
 * @param vbuckets its share of the vBuckets
 */
public record TaskInfo(int task, Map<String, String> connector, String vbuckets) {}
