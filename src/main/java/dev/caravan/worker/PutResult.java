// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

/**
 * What putting a configuration did.
 *
 * @param connector the connector as it is now
 * @param created whether there was none of that name before
 */
public record PutResult(ConnectorInfo connector, boolean created) {}
