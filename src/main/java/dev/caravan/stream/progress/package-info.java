// SPDX-License-Identifier: Apache-2.0
/**
 * Tracks how far each vBucket has come: positions and snapshots that were received, the
 * acknowledged prefix, and the offset to commit.
 */
@NullMarked
package dev.caravan.stream.progress;

import org.jspecify.annotations.NullMarked;
