// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.worker.config.ConnectorInfo;

/**
 * What putting a configuration did.
 *
 * @param connector the connector as it is now
 * @param created whether there was none of that name before
 */
public record PutResult(ConnectorInfo connector, boolean created) {}
