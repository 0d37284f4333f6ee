// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import static java.util.Objects.requireNonNull;

import io.vertx.core.http.HttpVersion;
import io.vertx.ext.web.RoutingContext;
import java.util.List;
import org.apache.camel.Exchange;
import org.apache.camel.ExchangePattern;
import org.apache.camel.Processor;
import org.apache.camel.component.platform.http.PlatformHttpEndpoint;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Camel's consumer of HTTP requests, without Camel's threads: it processes exchanges asynchronously
 * on the event loop of their connection. Camel's own consumer holds one of 20 threads during each
 * exchange, so that 20 changes that wait for Kafka would block every other request. The routes must
 * not block.
 */
final class ApiConsumer extends VertxPlatformHttpConsumer {
  private static final Logger LOG = LoggerFactory.getLogger(ApiConsumer.class);
  private static final String REQUEST = "caravan.request";

  ApiConsumer(PlatformHttpEndpoint endpoint, Processor processor, String routerName) {
    super(endpoint, processor, List.of(), routerName);
  }

  /** Returns the HTTP request of an exchange of this consumer. */
  static RoutingContext requestOf(Exchange exchange) {
    return requireNonNull(exchange.getProperty(REQUEST, RoutingContext.class), "no HTTP request");
  }

  @Override
  protected void handleRequest(RoutingContext request) {
    if (isSuspended() || !isRunAllowed()) {
      ErrorMapper.response(503, "this worker is stopping").to(request.response());
      return;
    }
    Exchange exchange = createExchange(false);
    exchange.setPattern(ExchangePattern.InOut);
    exchange.setProperty(REQUEST, request);
    // The body has been read before, so this does not wait.
    processHttpRequest(exchange, request)
        .onSuccess(none -> process(exchange, request))
        .onFailure(request::fail);
  }

  private void process(Exchange exchange, RoutingContext request) {
    try {
      createUoW(exchange);
    } catch (Exception e) {
      request.fail(e);
      return;
    }
    getAsyncProcessor().process(exchange, doneSync -> respond(exchange, request));
  }

  private void respond(Exchange exchange, RoutingContext request) {
    try {
      JsonResponse response = exchange.getMessage().getBody(JsonResponse.class);
      if (request.response().closed() || request.response().ended()) {
        LOG.debug("A client disconnected before its response was sent");
      } else if (response != null) {
        if (request.request().version() == HttpVersion.HTTP_1_0) {
          // HTTP/1.0 has no chunks: the end of the connection marks the end of the body.
          request.addEndHandler(ended -> request.request().connection().close());
        }
        response.to(request.response());
      } else {
        request.fail(500);
      }
    } finally {
      doneUoW(exchange);
      releaseExchange(exchange, false);
    }
  }
}
