// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import dev.caravan.offset.SharedOffsetStore;
import dev.caravan.stream.EventLoops;
import java.util.List;
import java.util.function.Supplier;

/**
 * The options of an endpoint, as its consumers use them.
 *
 * @param buckets as the endpoint's URI names them
 * @param defaultOffsetKey the offset key if the route has no id of its own
 */
record ConsumerOptions(
    String buckets,
    List<String> bucketNames,
    CouchbaseDcpConfiguration configuration,
    SharedOffsetStore offsetStore,
    String defaultOffsetKey,
    Supplier<EventLoops> eventLoops,
    boolean healthCheckEnabled) {}
