// SPDX-License-Identifier: Apache-2.0
/**
 * The settings of streams: which nodes, vBuckets and collections, where to start and end, and what
 * to do after a rollback.
 */
@NullMarked
package dev.caravan.stream.settings;

import org.jspecify.annotations.NullMarked;
