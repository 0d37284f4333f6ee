// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import dev.caravan.component.CouchbaseDcpConfiguration;
import dev.caravan.component.CouchbaseDcpConsumer;
import dev.caravan.component.delivery.Phase;
import dev.caravan.offset.MemoryOffsetStore;
import dev.caravan.stream.settings.StreamFrom;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.camel.CamelContext;
import org.apache.camel.Endpoint;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Streams one vBucket of a connector for a moment, from its end, and publishes nothing. A new Java
 * VM takes one to two seconds to load what a DCP connection needs. A worker that does this before
 * it joins its group does not do it between the stop of a task elsewhere and its start here.
 */
final class WarmUp {
  private static final Logger LOG = LoggerFactory.getLogger(WarmUp.class);

  /** The last of 1,024 shares has one vBucket, however many the bucket has. */
  private static final String ONE_VBUCKET = "1023/1024";

  private static final Duration STEP = Duration.ofMillis(20);

  private WarmUp() {}

  /**
   * Returns when the vBucket is streamed, when that fails, or after the timeout. A failure is only
   * logged, because the task reports its own failures.
   */
  static void run(CamelContext context, ConnectorConfig connector, Duration timeout) {
    long begun = System.nanoTime();
    CouchbaseDcpConfiguration configuration = connector.endpointConfiguration();
    configuration.setVbuckets(ONE_VBUCKET);
    configuration.setStreamFrom(StreamFrom.NOW);
    configuration.setOffsetKey("warm-up");
    configuration.setOffsetStore(new MemoryOffsetStore());
    Endpoint endpoint = null;
    CouchbaseDcpConsumer consumer = null;
    try {
      endpoint =
          context
              .getComponent("couchbase-dcp")
              .createEndpoint(
                  "couchbase-dcp:" + connector.buckets().get(0),
                  new HashMap<>(Map.of("configuration", configuration)));
      endpoint.start();
      consumer = (CouchbaseDcpConsumer) endpoint.createConsumer(exchange -> {});
      consumer.start();
      while (consumer.status().phase() == Phase.CONNECTING
          && System.nanoTime() - begun < timeout.toNanos()) {
        Thread.sleep(STEP.toMillis());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (Exception e) {
      LOG.debug("The warm-up with connector {} has failed.", connector.name(), e);
    } finally {
      if (consumer != null) {
        consumer.stop();
      }
      if (endpoint != null) {
        endpoint.stop();
      }
    }
    LOG.debug("Warmed up in {} ms", Duration.ofNanos(System.nanoTime() - begun).toMillis());
  }
}
