// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import java.util.Arrays;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.camel.CamelContext;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpRouter;
import org.apache.camel.spi.RestRegistry;
import org.apache.camel.support.PluginHelper;

/**
 * Answers requests that match no call of the API, which Vert.x would answer with an HTML page
 * before any route of Camel sees them: 404 for an unknown path, 405 with the methods that are
 * allowed for a known one.
 */
public final class UnmatchedRequests {
  private final RestRegistry registry;

  private UnmatchedRequests(RestRegistry registry) {
    this.registry = registry;
  }

  /**
   * Installs the answers behind all calls of the API.
   *
   * @param context a started context with REST services on a platform HTTP server
   */
  public static void answerIn(CamelContext context, VertxPlatformHttpRouter router) {
    UnmatchedRequests requests = new UnmatchedRequests(PluginHelper.getRestRegistry(context));
    router.route().last().handler(requests::answer).failureHandler(UnmatchedRequests::fail);
  }

  private void answer(RoutingContext request) {
    Set<String> allowed = allowed(request.normalizedPath());
    if (allowed.isEmpty()) {
      send(request, Answer.error(404, "HTTP 404 Not Found"));
      return;
    }
    boolean asked = request.request().method().name().equals("OPTIONS");
    allowed.add("OPTIONS");
    Answer answer = asked ? Answer.empty(200) : Answer.error(405, "HTTP 405 Method Not Allowed");
    send(request, answer.withHeader("Allow", String.join(",", allowed)));
  }

  /** A request that failed before Camel got it, for example since its body is too large. */
  private static void fail(RoutingContext request) {
    int status = request.statusCode() > 0 ? request.statusCode() : 500;
    String reason = request.response().setStatusCode(status).getStatusMessage();
    send(request, Answer.error(status, "HTTP " + status + " " + reason));
  }

  private Set<String> allowed(String path) {
    return registry.listAllRestServices().stream()
        .filter(service -> matches(service, path))
        .map(service -> service.getMethod().toUpperCase(Locale.ROOT))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static boolean matches(RestRegistry.RestService service, String path) {
    String template = service.getBasePath() + Objects.toString(service.getUriTemplate(), "");
    return Arrays.stream(segments(template))
        .map(segment -> segment.startsWith("{") ? "[^/]+" : Pattern.quote(segment))
        .collect(Collectors.collectingAndThen(Collectors.joining("/"), Pattern::compile))
        .matcher(String.join("/", segments(path)))
        .matches();
  }

  private static String[] segments(String path) {
    return path.replaceAll("^/+|/+$", "").split("/");
  }

  private static void send(RoutingContext request, Answer answer) {
    HttpServerResponse response = request.response().setStatusCode(answer.status());
    answer.headers().forEach(response::putHeader);
    byte[] body = answer.bytes();
    if (body == null) {
      response.end();
    } else {
      response.putHeader("Content-Type", Answer.JSON_TYPE).end(Buffer.buffer(body));
    }
  }
}
