// SPDX-License-Identifier: Apache-2.0
package dev.caravan.record;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Registers schemas in a schema registry with the Confluent API.
 *
 * <p>Immutable and safe for use by several threads.
 */
public final class SchemaRegistry {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration TIMEOUT = Duration.ofSeconds(10);
  private static final String CONTENT_TYPE = "application/vnd.schemaregistry.v1+json";

  private final String url;
  private final @Nullable String authorization;
  private final HttpClient http = HttpClient.newBuilder().connectTimeout(TIMEOUT).build();

  /**
   * @param url the URL of the API, for example {@code http://registry:8081}, {@code
   *     http://registry:8080/apis/ccompat/v7} for Apicurio Registry, or {@code
   *     http://user:password@registry:8081} for basic authentication
   * @throws IllegalArgumentException if it is not an http or https URL
   */
  public SchemaRegistry(String url) {
    URI uri = parse(url);
    String userInfo = uri.getUserInfo();
    this.authorization =
        userInfo == null
            ? null
            : "Basic " + Base64.getEncoder().encodeToString(userInfo.getBytes(UTF_8));
    String address = uri.getPort() < 0 ? uri.getHost() : uri.getHost() + ":" + uri.getPort();
    String path = uri.getRawPath() == null ? "" : uri.getRawPath();
    this.url = uri.getScheme() + "://" + address + path.replaceAll("/+$", "");
  }

  private static URI parse(String url) {
    try {
      URI uri = new URI(url);
      boolean isHttp = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
      if (isHttp && uri.getHost() != null) {
        return uri;
      }
    } catch (URISyntaxException e) {
      // The exception below omits the URL, which may include a password.
    }
    throw new IllegalArgumentException(
        "The URL of the schema registry must be http://host:port or https://host:port, with a path"
            + " if it has one");
  }

  /**
   * Registers a schema, or finds the registered one. Blocks, and fails without a response in 10 s.
   *
   * @param subject the subject of the schema's versions
   * @param schema the Avro schema in JSON
   * @return the id of the schema
   * @throws IOException if the registry cannot be reached or refuses the schema, for example
   *     because it is incompatible with an earlier version
   */
  public int register(String subject, String schema) throws IOException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(
                URI.create(url + "/subjects/" + URLEncoder.encode(subject, UTF_8) + "/versions"))
            .timeout(TIMEOUT)
            .header("Content-Type", CONTENT_TYPE)
            .header("Accept", CONTENT_TYPE + ", application/json")
            .POST(
                HttpRequest.BodyPublishers.ofString(
                    JSON.writeValueAsString(Map.of("schema", schema))));
    if (authorization != null) {
      request.header("Authorization", authorization);
    }
    HttpResponse<String> response = send(request.build(), subject);
    if (response.statusCode() != 200) {
      throw new IOException(
          "The schema registry at "
              + url
              + " refused the schema of subject \""
              + subject
              + "\" with status "
              + response.statusCode()
              + ": "
              + abbreviate(response.body()));
    }
    JsonNode id = JSON.readTree(response.body()).path("id");
    if (!id.isInt()) {
      throw new IOException(
          "The server at "
              + url
              + " is not a schema registry with the Confluent API: it returned no id for subject \""
              + subject
              + "\". Correct the URL of the registry.");
    }
    return id.intValue();
  }

  private HttpResponse<String> send(HttpRequest request, String subject) throws IOException {
    try {
      return http.send(request, HttpResponse.BodyHandlers.ofString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException(
          "Interrupted while registering the schema of subject \"" + subject + "\".");
    } catch (IOException e) {
      throw new IOException(
          "The schema registry at "
              + url
              + " cannot be reached ("
              + e
              + "). Check that it is running.",
          e);
    }
  }

  private static String abbreviate(String body) {
    return body.length() <= 300 ? body : body.substring(0, 300) + "...";
  }
}
