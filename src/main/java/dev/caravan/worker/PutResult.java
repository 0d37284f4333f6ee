// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.worker.config.ConnectorInfo;

/**
 * The result of putting a configuration.
 *
 * @param connector the connector after the change
 * @param created whether the connector was created
 */
public record PutResult(ConnectorInfo connector, boolean created) {}
