// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.worker.config.ConnectorInfo;
import dev.caravan.worker.status.ConnectorStatus;

/** The configuration and the status of a connector at the same time. */
public record ConnectorDetails(ConnectorInfo info, ConnectorStatus status) {}
