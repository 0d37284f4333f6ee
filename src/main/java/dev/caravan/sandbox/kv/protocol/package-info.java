// SPDX-License-Identifier: Apache-2.0
/**
 * The KV protocol of Couchbase: frames, commands, statuses, features and the formats of keys and
 * values.
 */
@NullMarked
package dev.caravan.sandbox.kv.protocol;

import org.jspecify.annotations.NullMarked;
