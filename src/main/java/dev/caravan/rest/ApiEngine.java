// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import org.apache.camel.Processor;
import org.apache.camel.component.platform.http.PlatformHttpEndpoint;
import org.apache.camel.component.platform.http.spi.PlatformHttpConsumer;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpEngine;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpRouter;

/**
 * Creates Camel's consumers of HTTP requests as {@link ApiConsumer}. Bind it in Camel's registry as
 * {@link #NAME}.
 */
public final class ApiEngine extends VertxPlatformHttpEngine {
  /** The bean name that Camel looks up. */
  public static final String NAME = "platform-http-engine";

  @Override
  public PlatformHttpConsumer createConsumer(PlatformHttpEndpoint endpoint, Processor processor) {
    return new ApiConsumer(
        endpoint, processor, VertxPlatformHttpRouter.getRouterNameFromPort(getServerPort()));
  }
}
