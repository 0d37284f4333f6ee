// SPDX-License-Identifier: Apache-2.0
/**
 * Decides which changes are published after a rollback: failover histories, the recently published
 * changes, and the re-read of a vBucket.
 */
@NullMarked
package dev.caravan.stream.rollback;

import org.jspecify.annotations.NullMarked;
