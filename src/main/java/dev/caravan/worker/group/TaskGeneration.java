// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

/**
 * The tasks of one configuration of a connector.
 *
 * @param connector the name of the connector
 * @param generation the config generation, which no other configuration has
 * @param tasks the number of tasks; they are numbered from 0
 */
public record TaskGeneration(String connector, long generation, int tasks) {}
