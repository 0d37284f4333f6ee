// SPDX-License-Identifier: Apache-2.0
/**
 * Offset stores: {@link dev.caravan.offset.OffsetStore} for one owner, {@link
 * dev.caravan.offset.SharedOffsetStore} for several, and their implementations. This package uses
 * no other package of Caravan. Its stores are safe for use by several threads, except {@link
 * dev.caravan.offset.TransactionalOffsetStore}.
 */
@NullMarked
package dev.caravan.offset;

import org.jspecify.annotations.NullMarked;
