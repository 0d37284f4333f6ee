// SPDX-License-Identifier: Apache-2.0
/**
 * Bounds for what is held in memory: the budget of the process, flow-control windows, and the bytes
 * and events of a session.
 */
@NullMarked
package dev.caravan.stream.flow;

import org.jspecify.annotations.NullMarked;
