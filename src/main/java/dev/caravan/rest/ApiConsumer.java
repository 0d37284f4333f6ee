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
 * Camel's consumer of HTTP requests, without its threads: it processes exchanges asynchronously, on
 * the event loop of their connection. Camel's own holds one of 20 threads for as long as an
 * exchange takes, so that 20 changes that wait for Kafka block every other request. The routes must
 * not block.
 */
final class ApiConsumer extends VertxPlatformHttpConsumer {
  private static final Logger LOG = LoggerFactory.getLogger(ApiConsumer.class);
  private static final String REQUEST = "caravan.request";

  ApiConsumer(PlatformHttpEndpoint endpoint, Processor processor, String routerName) {
    super(endpoint, processor, List.of(), routerName);
  }

  /** The HTTP request that an exchange of this consumer is about. */
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
    // The body was read before; nothing is waited for.
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
    getAsyncProcessor().process(exchange, doneSync -> answer(exchange, request));
  }

  private void answer(Exchange exchange, RoutingContext request) {
    try {
      JsonResponse answer = exchange.getMessage().getBody(JsonResponse.class);
      if (request.response().closed() || request.response().ended()) {
        LOG.debug("A client did not wait for its answer");
      } else if (answer != null) {
        if (request.request().version() == HttpVersion.HTTP_1_0) {
          // Only the end of the connection tells such a client where an answer in pieces ends.
          request.addEndHandler(ended -> request.request().connection().close());
        }
        answer.to(request.response());
      } else {
        request.fail(500);
      }
    } finally {
      doneUoW(exchange);
      releaseExchange(exchange, false);
    }
  }
}
