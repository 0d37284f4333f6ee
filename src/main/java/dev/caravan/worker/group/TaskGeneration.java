// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

/**
 * The tasks that a connector is to have.
 *
 * @param connector the connector's name
 * @param generation of its configuration; no other set of tasks has the same
 * @param tasks how many there are, numbered from 0
 */
public record TaskGeneration(String connector, long generation, int tasks) {}
