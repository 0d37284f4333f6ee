// SPDX-License-Identifier: Apache-2.0
/**
 * Couchbase nodes in this process, alone or as a cluster, with the faults that tests and trials
 * cause in them.
 */
@NullMarked
package dev.caravan.sandbox.cluster;

import org.jspecify.annotations.NullMarked;
