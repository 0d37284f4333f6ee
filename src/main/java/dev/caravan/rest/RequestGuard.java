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
 * Stands before and behind the calls of the API. Before them, it refuses what Vert.x or Camel would
 * misread, and what would need too much memory or time; behind them, it answers what no call took,
 * which would be an HTML page otherwise. Safe for use by several event loops; never blocks.
 */
public final class RequestGuard {
  /** A connector's configuration is a few kilobytes; more is no configuration. */
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
   * Installs the gate around all calls of the API.
   *
   * @param context a started context with REST services on a platform HTTP server
   * @param calls the router of that server
   */
  public static void installIn(CamelContext context, VertxPlatformHttpRouter calls) {
    installIn(context, calls, BODY_TIMEOUT);
  }

  static void installIn(CamelContext context, VertxPlatformHttpRouter calls, Duration bodyTimeout) {
    RequestGuard gate = new RequestGuard(PluginHelper.getRestRegistry(context), bodyTimeout);
    // Camel's router hangs below another, which would fail on a malformed path before it.
    Router root = (Router) calls.getServer().getServer().requestHandler();
    root.route().order(-1).handler(gate::enter);
    calls.route().last().handler(gate::unmatched).failureHandler(RequestGuard::fail);
  }

  private void enter(RoutingContext context) {
    HttpServerRequest request = context.request();
    String path = Objects.requireNonNullElse(request.path(), "");
    if (!isEncodedText(path)) {
      answer(context, ErrorMapper.response(400, "the path must be UTF-8 text, percent-encoded"));
    } else if (path.contains("//")) {
      // Vert.x would drop the empty segment, and take "//config" for a connector named config.
      answer(context, ErrorMapper.response(404));
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
      // Camel would take the fields of a form for parameters of the path.
      answer(context, ErrorMapper.response(415, "send Content-Type: " + JsonResponse.JSON_TYPE));
    } else if (length(request) > MAX_BODY_BYTES) {
      answer(context, tooLarge());
    } else if ((hasBody || !isRead(request)) && !writes.begin(context)) {
      answer(context, ErrorMapper.busy());
    } else {
      context.next();
    }
  }

  /** Ends a request whose body does not arrive in time, whether anybody reads it or not. */
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
                      answer(context, ErrorMapper.response(408, "the body did not arrive in time"));
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
    // Netty has refused what is no number.
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

  /** Whether the body is said to be JSON. */
  private static boolean isJson(HttpServerRequest request) {
    List<String> types = request.headers().getAll(HttpHeaders.CONTENT_TYPE);
    return !types.isEmpty()
        && types.stream()
            .allMatch(type -> type.split(";", 2)[0].trim().equalsIgnoreCase(JsonResponse.JSON_TYPE));
  }

  private void unmatched(RoutingContext context) {
    Set<String> methods = methods(context.normalizedPath());
    HttpMethod method = context.request().method();
    if (methods.isEmpty()) {
      answer(context, ErrorMapper.response(404));
    } else if (method.equals(HttpMethod.HEAD) && methods.contains("GET")) {
      // Vert.x remembers that the client wants no body.
      String query = context.request().query();
      context.reroute(
          HttpMethod.GET, context.request().path() + (query == null ? "" : "?" + query));
    } else {
      JsonResponse answer =
          method.equals(HttpMethod.OPTIONS) ? JsonResponse.empty(200) : ErrorMapper.response(405);
      answer(context, answer.withHeader("Allow", String.join(",", methods)));
    }
  }

  /** A request that failed before Camel got it, for example since its body is too large. */
  private static void fail(RoutingContext context) {
    // A client that goes away after its body was refused makes the request fail once more.
    if (!context.response().headWritten()) {
      int status = context.statusCode() > 0 ? context.statusCode() : 500;
      answer(context, status == 413 ? tooLarge() : ErrorMapper.response(status));
    }
  }

  private static void answer(RoutingContext context, JsonResponse answer) {
    answer.to(context.response());
  }

  /** The methods that a path takes, none for an unknown path. */
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
