// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.net.URLDecoder;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
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
 * Guards the API calls. Before a call, it refuses requests that Vert.x or Camel would misread, and
 * requests that would take too much memory or time. After the calls, it answers requests that match
 * none of them with JSON instead of Vert.x's HTML page. Safe for use by several event loops; never
 * blocks.
 */
public final class RequestGuard {
  /** The maximum size of a body in bytes. A connector's configuration has a few kilobytes. */
  public static final int MAX_BODY_BYTES = 256 * 1024;

  private static final Duration BODY_TIMEOUT = Duration.ofSeconds(10);

  private final RestRegistry registry;
  private final WriteLimit writes = new WriteLimit();
  private final Duration bodyTimeout;

  private RequestGuard(RestRegistry registry, Duration bodyTimeout) {
    this.registry = registry;
    this.bodyTimeout = bodyTimeout;
  }

  /**
   * Installs the guard around all API calls.
   *
   * @param context a started context with REST services on a platform HTTP server
   * @param calls the router of that server
   */
  public static void installIn(CamelContext context, VertxPlatformHttpRouter calls) {
    installIn(context, calls, BODY_TIMEOUT);
  }

  static void installIn(CamelContext context, VertxPlatformHttpRouter calls, Duration bodyTimeout) {
    RequestGuard guard = new RequestGuard(PluginHelper.getRestRegistry(context), bodyTimeout);
    // Camel's router is mounted below this one, which would fail on a malformed path first.
    Router root = (Router) calls.getServer().getServer().requestHandler();
    root.route().order(-1).handler(guard::enter);
    calls.route().last().handler(guard::unmatched).failureHandler(RequestGuard::fail);
  }

  private void enter(RoutingContext context) {
    HttpServerRequest request = context.request();
    String path = Objects.requireNonNullElse(request.path(), "");
    if (!isEncodedText(path)) {
      respond(context, ErrorMapper.response(400, "the path must be UTF-8 text, percent-encoded"));
    } else if (path.contains("//")) {
      // Vert.x drops empty segments: it would read "//config" as a connector named config.
      respond(context, ErrorMapper.response(404));
    } else if (!isCall(context)) {
      limitBody(context);
      context.next();
    } else {
      enterCall(context);
    }
  }

  private void enterCall(RoutingContext context) {
    HttpServerRequest request = context.request();
    boolean hasBody = hasBody(request);
    limitBody(context);
    if (hasBody && !isJson(request)) {
      // Camel would mix the fields of a form with the parameters of the path.
      respond(context, ErrorMapper.response(415, "send Content-Type: " + JsonResponse.JSON_TYPE));
    } else if (length(request) > MAX_BODY_BYTES) {
      respond(context, tooLarge());
    } else if ((hasBody || !isRead(request)) && !writes.begin(context)) {
      respond(context, ErrorMapper.busy());
    } else {
      context.next();
    }
  }

  /** Ends a request whose body does not arrive in time, even if no call reads the body. */
  private void limitBody(RoutingContext context) {
    HttpServerRequest request = context.request();
    if (!hasBody(request)) {
      return;
    }
    long timer =
        context
            .vertx()
            .setTimer(
                bodyTimeout.toMillis(),
                id -> {
                  if (!request.isEnded() && !context.response().closed()) {
                    if (!context.response().headWritten()) {
                      respond(
                          context, ErrorMapper.response(408, "the body did not arrive in time"));
                    }
                    request.connection().close();
                  }
                });
    context.addEndHandler(
        ended -> {
          if (request.isEnded()) {
            context.vertx().cancelTimer(timer);
          }
        });
  }

  private static boolean isRead(HttpServerRequest request) {
    return request.method().equals(HttpMethod.GET) || request.method().equals(HttpMethod.HEAD);
  }

  private static long length(HttpServerRequest request) {
    String length = request.getHeader(HttpHeaders.CONTENT_LENGTH);
    // Netty has refused other values than numbers.
    return length == null ? 0 : Long.parseLong(length);
  }

  private static JsonResponse tooLarge() {
    return ErrorMapper.response(413, "a body has at most " + MAX_BODY_BYTES + " bytes");
  }

  private static boolean isEncodedText(String path) {
    try {
      String bytes = URLDecoder.decode(path.replace("+", "%2B"), ISO_8859_1);
      UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes.getBytes(ISO_8859_1)));
      return US_ASCII.newEncoder().canEncode(path);
    } catch (IllegalArgumentException | CharacterCodingException e) {
      return false;
    }
  }

  private boolean isCall(RoutingContext context) {
    return methods(context.normalizedPath()).contains(context.request().method().name());
  }

  private static boolean hasBody(HttpServerRequest request) {
    String length = request.getHeader(HttpHeaders.CONTENT_LENGTH);
    return length == null
        ? request.headers().contains(HttpHeaders.TRANSFER_ENCODING)
        : !length.equals("0");
  }

  /** Returns whether every Content-Type is JSON. */
  private static boolean isJson(HttpServerRequest request) {
    List<String> types = request.headers().getAll(HttpHeaders.CONTENT_TYPE);
    return !types.isEmpty()
        && types.stream()
            .allMatch(
                type -> type.split(";", 2)[0].trim().equalsIgnoreCase(JsonResponse.JSON_TYPE));
  }

  private void unmatched(RoutingContext context) {
    Set<String> methods = methods(context.normalizedPath());
    HttpMethod method = context.request().method();
    if (methods.isEmpty()) {
      respond(context, ErrorMapper.response(404));
    } else if (method.equals(HttpMethod.HEAD) && methods.contains("GET")) {
      // Vert.x omits the body, because it keeps the original method.
      String query = context.request().query();
      context.reroute(
          HttpMethod.GET, context.request().path() + (query == null ? "" : "?" + query));
    } else {
      JsonResponse response =
          method.equals(HttpMethod.OPTIONS) ? JsonResponse.empty(200) : ErrorMapper.response(405);
      respond(context, response.withHeader("Allow", String.join(",", methods)));
    }
  }

  /** Responds to a request that failed before Camel received it. */
  private static void fail(RoutingContext context) {
    // If a client disconnects after its body was refused, the request fails a second time.
    if (!context.response().headWritten()) {
      int status = context.statusCode() > 0 ? context.statusCode() : 500;
      respond(context, status == 413 ? tooLarge() : ErrorMapper.response(status));
    }
  }

  private static void respond(RoutingContext context, JsonResponse response) {
    response.to(context.response());
  }

  /** Returns the methods of a path; empty for an unknown path. */
  private Set<String> methods(String path) {
    Set<String> methods =
        registry.listAllRestServices().stream()
            .filter(service -> matches(service, path))
            .map(service -> service.getMethod().toUpperCase(Locale.ROOT))
            .collect(Collectors.toCollection(TreeSet::new));
    if (methods.contains("GET")) {
      methods.add("HEAD");
    }
    if (!methods.isEmpty()) {
      methods.add("OPTIONS");
    }
    return methods;
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
}
