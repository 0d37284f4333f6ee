// SPDX-License-Identifier: Apache-2.0
/**
 * Finds out how far changes are persisted on all nodes, so that changes can be held back until
 * then.
 */
@NullMarked
package dev.caravan.stream.persistence;

import org.jspecify.annotations.NullMarked;
