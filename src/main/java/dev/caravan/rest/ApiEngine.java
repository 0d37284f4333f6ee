// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import org.apache.camel.Processor;
import org.apache.camel.component.platform.http.PlatformHttpEndpoint;
import org.apache.camel.component.platform.http.spi.PlatformHttpConsumer;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpEngine;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpRouter;

/**
 * What Camel gets its consumers of HTTP requests from: those that hold no thread. To be bound in
 * its registry as {@link #NAME}.
 */
public final class ApiEngine extends VertxPlatformHttpEngine {
  /** The name that Camel looks for. */
  public static final String NAME = "platform-http-engine";

  @Override
  public PlatformHttpConsumer createConsumer(PlatformHttpEndpoint endpoint, Processor processor) {
    return new ApiConsumer(
        endpoint, processor, VertxPlatformHttpRouter.getRouterNameFromPort(getServerPort()));
  }
}
