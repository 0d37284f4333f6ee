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
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.jspecify.annotations.Nullable;

/**
 * An HTTP answer: a status, headers, and a JSON body or none.
 *
 * @param body null for an answer without a body
 */
record Answer(int status, Map<String, String> headers, @Nullable JsonNode body) {
  static final String JSON_TYPE = "application/json";

  private static final ObjectMapper JSON = new ObjectMapper();

  static Answer of(int status, JsonNode body) {
    return new Answer(status, Map.of(), body);
  }

  static Answer empty(int status) {
    return new Answer(status, Map.of(), null);
  }

  static Answer error(int status, String message) {
    return of(
        status,
        JsonNodeFactory.instance.objectNode().put("error_code", status).put("message", message));
  }

  Answer withHeader(String name, String value) {
    Map<String, String> all = new LinkedHashMap<>(headers);
    all.put(name, value);
    return new Answer(status, all, body);
  }

  /** The body in JSON, null without one. */
  byte @Nullable [] bytes() {
    try {
      return body == null ? null : JSON.writeValueAsBytes(body);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("A tree is always JSON", e);
    }
  }

  /** Sends this, and ends the response. */
  void to(HttpServerResponse response) {
    response.setStatusCode(status);
    headers.forEach(response::putHeader);
    byte[] bytes = bytes();
    if (bytes == null) {
      response.end();
    } else {
      response.putHeader("Content-Type", JSON_TYPE);
      // Vert.x leaves it out of the answer to a HEAD request.
      response.putHeader("Content-Length", Integer.toString(bytes.length));
      response.end(Buffer.buffer(bytes));
    }
  }

  /** Makes this the answer of an exchange. */
  void to(Exchange exchange) {
    Message message = exchange.getMessage();
    // Headers that are left here would go back to the client: the request's own, cookies included.
    message.removeHeaders("*");
    headers.forEach(message::setHeader);
    message.setHeader(Exchange.HTTP_RESPONSE_CODE, status);
    if (body != null) {
      message.setHeader(Exchange.CONTENT_TYPE, JSON_TYPE);
    }
    message.setBody(bytes());
  }
}
