// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.camel.Exchange;

/** Reads JSON bodies of requests. Invalid JSON is a status 400 that names the position. */
final class JsonBody {
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          // Numbers keep their text: 0.10 stays 0.10.
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
          .build();

  /**
   * The messages of Jackson that quote at most a key or a character of the body. Other messages
   * quote the text that Jackson could not parse, which may be a password without its quotes.
   */
  private static final Pattern HARMLESS =
      Pattern.compile(
          "Unexpected character|Unexpected end-of-input|Duplicate field"
              + "|Document nesting depth|Name length|Number value length");

  private JsonBody() {}

  /** The body of a request to create a connector. */
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
      return new CreateRequest(whole(name.textValue()).trim(), properties(request.get("config")));
    }
  }

  /** Reads the properties of a connector. */
  static Map<String, String> properties(Exchange exchange) {
    return properties(object(exchange));
  }

  private static Map<String, String> properties(JsonNode object) {
    Map<String, String> properties = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> property : object.properties()) {
      String key = property.getKey();
      if (key.isBlank() || key.chars().anyMatch(Character::isISOControl)) {
        throw bad("\"" + key + "\" can't be a property: its name is blank or not printable");
      }
      JsonNode value = property.getValue();
      if (value.isNull() || !value.isValueNode()) {
        throw bad(
            "The value of \""
                + key
                + "\" must be a string, a number or a boolean, not "
                + (value.isNull()
                    ? "null"
                    : "an " + value.getNodeType().name().toLowerCase(Locale.ROOT)));
      }
      properties.put(whole(key), whole(value.asText()));
    }
    return properties;
  }

  /** Refuses an unpaired surrogate, which would be stored as a question mark. */
  private static String whole(String text) {
    if (!UTF_8.newEncoder().canEncode(text)) {
      throw bad("Malformed JSON: an unpaired surrogate, \\ud800 to \\udfff, is no text");
    }
    return text;
  }

  private static JsonNode object(Exchange exchange) {
    byte[] body = exchange.getMessage().getBody(byte[].class);
    if (body == null || body.length == 0) {
      throw bad("The request has no body; send a JSON object");
    }
    try {
      JsonNode node = JSON.readTree(text(body));
      if (!node.isObject()) {
        throw bad("The body must be a JSON object");
      }
      return node;
    } catch (MismatchedInputException e) {
      throw bad("Malformed JSON: nothing may follow the object" + place(e));
    } catch (JsonProcessingException e) {
      String reason = e.getOriginalMessage();
      throw bad(
          "Malformed JSON"
              + (HARMLESS.matcher(reason).lookingAt() ? ": " + reason : "")
              + place(e));
    }
  }

  /** Decodes UTF-8 strictly: Jackson accepts some malformed bytes. */
  private static String text(byte[] body) {
    try {
      String text = UTF_8.newDecoder().decode(ByteBuffer.wrap(body)).toString();
      return text.startsWith("\ufeff") ? text.substring(1) : text;
    } catch (CharacterCodingException e) {
      throw bad("Malformed JSON: the body is no UTF-8 text");
    }
  }

  private static String place(JsonProcessingException e) {
    JsonLocation where = e.getLocation();
    return where == null
        ? ""
        : " (line " + where.getLineNr() + ", column " + where.getColumnNr() + ")";
  }

  private static RestException bad(String message) {
    return new RestException(400, message);
  }
}
