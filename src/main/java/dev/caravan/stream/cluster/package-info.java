// SPDX-License-Identifier: Apache-2.0
/**
 * The nodes of a cluster as its maps name them, the state of the connection to each, and why it
 * fails.
 */
@NullMarked
package dev.caravan.stream.cluster;

import org.jspecify.annotations.NullMarked;
