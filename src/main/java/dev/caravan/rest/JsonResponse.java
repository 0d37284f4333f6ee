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
 * An HTTP answer: a status, headers, and a JSON body or none.
 *
 * @param body null for an answer without a body
 */
record JsonResponse(int status, Map<String, String> headers, @Nullable Body body) {
  static final String JSON_TYPE = "application/json";

  private static final ObjectMapper JSON = new ObjectMapper();

  /** What an answer has as its body: JSON text in UTF-8. */
  sealed interface Body {}

  /** A body that is there as a whole. */
  record Whole(JsonNode json) implements Body {}

  /** A body that may be too large for the memory: it is asked for piece by piece. */
  non-sealed interface Pieces extends Body {
    /**
     * The next piece, which is asked for when the client has taken most of those before.
     *
     * @return completes with null at the end, on any thread
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

  /** Sends this, and ends the response; on the event loop of the response. */
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
      // Vert.x leaves it out of the answer to a HEAD request.
      response.putHeader("Content-Length", Integer.toString(bytes.length));
      response.end(Buffer.buffer(bytes));
    }
  }

  /** Makes this the answer of an exchange. */
  void to(Exchange exchange) {
    // Headers that are left here would go back to the client: the request's own, cookies included.
    exchange.getMessage().removeHeaders("*");
    exchange.getMessage().setBody(this);
  }
}
