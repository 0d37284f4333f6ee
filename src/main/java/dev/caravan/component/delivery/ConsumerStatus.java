// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component.delivery;

import org.jspecify.annotations.Nullable;

/**
 * How a consumer stands at a moment. Immutable.
 *
 * @param error what is wrong; null if nothing is, or nothing is known yet
 * @param openStreams how many vBucket streams are open, over all buckets
 * @param vbuckets how many vBuckets are selected, over all buckets; those of a bucket count from
 *     its first connection
 * @param documents how many changes have been delivered since the consumer was started
 * @param inFlight how many exchanges are in the route
 * @param rollbacks how often Couchbase rolled a vBucket back since the consumer was started
 */
public record ConsumerStatus(
    Phase phase,
    @Nullable Throwable error,
    int openStreams,
    int vbuckets,
    long documents,
    int inFlight,
    int rollbacks) {}
