// SPDX-License-Identifier: Apache-2.0
/**
 * Where tasks keep how far they have come: {@link dev.caravan.offset.OffsetStore} and its
 * implementations. It uses nothing else of ours, and its stores are safe for use by several
 * threads.
 */
@NullMarked
package dev.caravan.offset;

import org.jspecify.annotations.NullMarked;
