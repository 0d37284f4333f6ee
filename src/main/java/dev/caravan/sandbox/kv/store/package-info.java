// SPDX-License-Identifier: Apache-2.0
/** A vBucket in memory: its items in seqno order and by key, its state and its failover log. */
@NullMarked
package dev.caravan.sandbox.kv.store;

import org.jspecify.annotations.NullMarked;
