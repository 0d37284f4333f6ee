// SPDX-License-Identifier: Apache-2.0
/**
 * Where consumers keep how far they have come: {@link dev.caravan.offset.OffsetStore} for one
 * owner, {@link dev.caravan.offset.SharedOffsetStore} for several, and their implementations. It
 * uses nothing else of ours, and its stores are safe for use by several threads.
 */
@NullMarked
package dev.caravan.offset;

import org.jspecify.annotations.NullMarked;
