// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.camel.Exchange;
import org.jspecify.annotations.Nullable;

/**
 * An HTTP response with an optional JSON body.
 *
 * @param status the HTTP status code
 * @param headers the headers, without those of the body
 * @param body the body; null for none
 */
record JsonResponse(int status, Map<String, String> headers, @Nullable Body body) {
  static final String JSON_TYPE = "application/json";

  private static final ObjectMapper JSON = new ObjectMapper();

  /** A body: JSON text in UTF-8. */
  sealed interface Body {}

  /** A body that is in memory as a whole. */
  record Whole(JsonNode json) implements Body {}

  /** A body that may be too large for memory. It is produced piece by piece. */
  non-sealed interface Pieces extends Body {
    /**
     * Produces the next piece. Called after the client has taken most of the earlier pieces.
     *
     * @return completes with the piece, or with null at the end of the body, on any thread
     */
    CompletableFuture<byte @Nullable []> next();
  }

  static JsonResponse of(int status, JsonNode body) {
    return new JsonResponse(status, Map.of(), new Whole(body));
  }

  static JsonResponse of(int status, Pieces body) {
    return new JsonResponse(status, Map.of(), body);
  }

  static JsonResponse empty(int status) {
    return new JsonResponse(status, Map.of(), null);
  }

  static JsonResponse error(int status, String message) {
    return of(
        status,
        JsonNodeFactory.instance.objectNode().put("error_code", status).put("message", message));
  }

  JsonResponse withHeader(String name, String value) {
    Map<String, String> all = new LinkedHashMap<>(headers);
    all.put(name, value);
    return new JsonResponse(status, all, body);
  }

  static byte[] bytes(JsonNode json) {
    try {
      return JSON.writeValueAsBytes(json);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("A tree is always JSON", e);
    }
  }

  /** Sends this response. Must be called on the event loop of the request. */
  void to(HttpServerResponse response) {
    response.setStatusCode(status);
    headers.forEach(response::putHeader);
    if (body == null) {
      response.end();
      return;
    }
    response.putHeader("Content-Type", JSON_TYPE);
    if (body instanceof Pieces pieces) {
      new PieceWriter(pieces, response).start();
    } else if (body instanceof Whole whole) {
      byte[] bytes = bytes(whole.json());
      // Vert.x omits the body of a response to a HEAD request.
      response.putHeader("Content-Length", Integer.toString(bytes.length));
      response.end(Buffer.buffer(bytes));
    }
  }

  /** Sets this as the response of an exchange. */
  void to(Exchange exchange) {
    // Camel would return the headers of the request, cookies included, to the client.
    exchange.getMessage().removeHeaders("*");
    exchange.getMessage().setBody(this);
  }
}
