// SPDX-License-Identifier: Apache-2.0
/** Buckets: vBuckets with their replicas on the nodes of a cluster, and the cluster map. */
@NullMarked
package dev.caravan.sandbox.kv.bucket;

import org.jspecify.annotations.NullMarked;
