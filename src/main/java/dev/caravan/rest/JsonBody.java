// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.apache.camel.Exchange;
import org.apache.camel.Message;

/** Reads the JSON that clients send. Whatever is wrong with it is a 400 that says where. */
final class JsonBody {
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          // A number is taken as it is written: 0.10 stays 0.10.
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
          .build();

  private JsonBody() {}

  /** What a client sends to create a connector. */
  record CreateRequest(String name, Map<String, String> config) {
    private static final Set<String> FIELDS = Set.of("name", "config");

    static CreateRequest read(Exchange exchange) {
      JsonNode request = object(exchange);
      request
          .fieldNames()
          .forEachRemaining(
              field -> {
                if (!FIELDS.contains(field)) {
                  throw bad(
                      "Unrecognized field \""
                          + field
                          + "\"; a request has \"name\" and \"config\"");
                }
              });
      JsonNode name = request.path("name");
      if (!name.isTextual() || name.textValue().isBlank()) {
        throw bad("\"name\" must be the connector's name, a string that is not empty");
      }
      if (!request.path("config").isObject()) {
        throw bad("\"config\" must be an object with the connector's properties");
      }
      return new CreateRequest(name.textValue().trim(), properties(request.get("config")));
    }
  }

  /** Reads the properties of a connector. */
  static Map<String, String> properties(Exchange exchange) {
    return properties(object(exchange));
  }

  private static Map<String, String> properties(JsonNode object) {
    Map<String, String> properties = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> property : object.properties()) {
      JsonNode value = property.getValue();
      if (value.isNull() || !value.isValueNode()) {
        throw bad(
            "The value of \""
                + property.getKey()
                + "\" must be a string, a number or a boolean, not "
                + (value.isNull()
                    ? "null"
                    : "an " + value.getNodeType().name().toLowerCase(Locale.ROOT)));
      }
      properties.put(property.getKey(), value.asText());
    }
    return properties;
  }

  private static JsonNode object(Exchange exchange) {
    Message message = exchange.getMessage();
    String type = message.getHeader(Exchange.CONTENT_TYPE, String.class);
    if (type != null && !type.split(";")[0].trim().equalsIgnoreCase(Answer.JSON_TYPE)) {
      throw new RestException(
          415, "HTTP 415 Unsupported Media Type: send Content-Type: " + Answer.JSON_TYPE);
    }
    byte[] body = message.getBody(byte[].class);
    if (body == null || body.length == 0) {
      throw bad("The request has no body; send a JSON object");
    }
    try {
      JsonNode node = JSON.readTree(body);
      if (!node.isObject()) {
        throw bad("The body must be a JSON object");
      }
      return node;
    } catch (JsonProcessingException e) {
      JsonLocation where = e.getLocation();
      throw bad(
          "Malformed JSON: "
              + e.getOriginalMessage()
              + (where == null
                  ? ""
                  : " (line " + where.getLineNr() + ", column " + where.getColumnNr() + ")"));
    } catch (IOException e) {
      throw bad("The body can't be read as JSON: " + e.getMessage());
    }
  }

  private static RestException bad(String message) {
    return new RestException(400, message);
  }
}
