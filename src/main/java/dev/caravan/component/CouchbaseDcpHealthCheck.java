// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import dev.caravan.component.delivery.ConsumerStatus;
import dev.caravan.component.delivery.Phase;
import dev.caravan.stream.BucketStatus;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.camel.health.HealthCheckResultBuilder;
import org.apache.camel.impl.health.AbstractHealthCheck;
import org.jspecify.annotations.Nullable;

/**
 * A consumer is ready while it streams every selected vBucket of every bucket and its changes are
 * delivered. It is alive until it has stopped for good, because of an error that no further attempt
 * of its own will mend.
 */
class CouchbaseDcpHealthCheck extends AbstractHealthCheck {
  private final @Nullable String routeId;
  private final String buckets;
  private final Supplier<ConsumerStatus> consumer;

  public CouchbaseDcpHealthCheck(
      @Nullable String routeId, String buckets, Supplier<ConsumerStatus> consumer) {
    super("camel", "consumer:couchbase-dcp-" + routeId);
    this.routeId = routeId;
    this.buckets = buckets;
    this.consumer = consumer;
  }

  @Override
  public boolean isLiveness() {
    return true;
  }

  @Override
  protected void doCall(HealthCheckResultBuilder builder, Map<String, Object> options) {
    ConsumerStatus status = consumer.get();
    builder.detail("buckets", buckets);
    builder.detail("phase", status.phase().name());
    builder.detail("streams.open", status.openStreams());
    builder.detail("streams.selected", status.vbuckets());
    if (routeId != null) {
      builder.detail("route.id", routeId);
    }
    boolean isUp =
        options.get(CHECK_KIND) == Kind.LIVENESS
            ? status.phase() != Phase.FAILED
            : status.phase() == Phase.STREAMING || status.phase() == Phase.FINISHED;
    if (isUp) {
      builder.up();
      return;
    }
    builder.down();
    if (status.error() == null) {
      builder.message("Phase is " + status.phase());
    } else {
      builder.message(status.error().getMessage());
      builder.detail("error", String.valueOf(status.error().getMessage()));
      builder.error(status.error());
      String reason = BucketStatus.connectionReason(status.error());
      if (reason != null) {
        builder.detail("connection.reason", reason);
      }
    }
  }
}
