// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import dev.caravan.connector.InvalidConnectorConfigException;
import dev.caravan.worker.ConnectorExistsException;
import dev.caravan.worker.ConnectorNotFoundException;
import dev.caravan.worker.config.ConcurrentChangeException;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import java.util.concurrent.RejectedExecutionException;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Maps every error to an HTTP status and to Kafka Connect's body, {@code
 * {"error_code":404,"message":"..."}}.
 */
final class ErrorMapper implements Processor {
  private static final Logger LOG = LoggerFactory.getLogger(ErrorMapper.class);

  private static final String RETRY_AFTER = "Retry-After";
  private static final String RETRY_SECONDS = "1";

  @Override
  public void process(Exchange exchange) {
    Throwable failure = exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Throwable.class);
    int status = status(failure);
    if (failure instanceof RestException || status == 503) {
      LOG.debug("A REST request failed", failure);
    } else if (status >= 500) {
      LOG.error("A REST request failed", failure);
    }
    JsonResponse response = JsonResponse.error(status, message(failure));
    (status == 503 ? response.withHeader(RETRY_AFTER, RETRY_SECONDS) : response).to(exchange);
  }

  /** Returns the response to a request that does not reach an API call. */
  static JsonResponse response(int status) {
    return JsonResponse.error(status, "HTTP " + HttpResponseStatus.valueOf(status));
  }

  /**
   * Returns the response to a request that does not reach an API call.
   *
   * @param hint the reason, or the remedy
   */
  static JsonResponse response(int status, String hint) {
    return JsonResponse.error(status, "HTTP " + HttpResponseStatus.valueOf(status) + ": " + hint);
  }

  /** Returns the response to a write when too many writes are in progress. */
  static JsonResponse busy() {
    return response(503, "too many changes at once; try again in a second")
        .withHeader(RETRY_AFTER, RETRY_SECONDS);
  }

  /**
   * Returns the response to input that is not valid HTTP.
   *
   * @param reason the error of Netty's decoder
   */
  static JsonResponse unreadable(Throwable reason) {
    if (reason instanceof TooLongHttpLineException) {
      return response(414, "the request line is longer than this server takes");
    }
    if (reason instanceof TooLongHttpHeaderException) {
      return response(431, "the headers are larger than this server takes");
    }
    return response(400, "this is no valid HTTP/1.1");
  }

  private static int status(Throwable failure) {
    if (failure instanceof RestException rest) {
      return rest.status();
    }
    if (failure instanceof InvalidConnectorConfigException) {
      return 400;
    }
    if (failure instanceof ConnectorNotFoundException) {
      return 404;
    }
    if (failure instanceof ConnectorExistsException
        || failure instanceof ConcurrentChangeException) {
      return 409;
    }
    return failure instanceof RejectedExecutionException ? 503 : 500;
  }

  private static String message(Throwable failure) {
    if (failure instanceof RejectedExecutionException) {
      return "This worker is stopping";
    }
    return failure.getMessage() == null ? failure.toString() : failure.getMessage();
  }
}
