// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import io.netty.util.NetUtil;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.impl.VertxInternal;
import io.vertx.core.impl.VertxWrapper;
import io.vertx.ext.web.Router;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The Vert.x instance that Camel looks up in its registry to create its HTTP server. The server
 * supports HTTP/1 only, answers invalid HTTP with JSON, limits the number of connections and closes
 * idle connections. Camel has no options for these. Thread-safe.
 */
public final class HttpVertx extends VertxWrapper {
  private static final Logger LOG = LoggerFactory.getLogger(HttpVertx.class);

  /** Longer than {@link ApiCall#TIMEOUT}, because a connection is idle during a call. */
  private static final Duration IDLE_TIMEOUT = ApiCall.TIMEOUT.plusSeconds(30);

  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(10);

  /** The maximum number of connections. Further connections are closed at once. */
  static final int MAX_CONNECTIONS = 256;

  private final Duration idleTimeout;
  private final AtomicInteger connections = new AtomicInteger();

  public HttpVertx() {
    this(IDLE_TIMEOUT);
  }

  HttpVertx(Duration idleTimeout) {
    super((VertxInternal) Vertx.vertx());
    this.idleTimeout = idleTimeout;
  }

  @Override
  public HttpServer createHttpServer(HttpServerOptions options) {
    // As in Kafka Connect. With HTTP/2, Vert.x answers HEAD with a body, which clients refuse.
    options.setHttp2ClearTextEnabled(false);
    options.setIdleTimeoutUnit(TimeUnit.MILLISECONDS);
    options.setIdleTimeout(Math.toIntExact(idleTimeout.toMillis()));
    HttpServer server =
        super.createHttpServer(options)
            .invalidRequestHandler(HttpVertx::refuse)
            .connectionHandler(this::limit);
    return (HttpServer)
        Proxy.newProxyInstance(
            HttpServer.class.getClassLoader(),
            new Class<?>[] {HttpServer.class},
            (proxy, method, arguments) -> call(server, method, arguments));
  }

  /** Calls a method of a server. Its request handler gets requests with a host. */
  private static @Nullable Object call(
      HttpServer server, Method method, Object @Nullable [] arguments) throws Throwable {
    if (method.getName().equals("requestHandler")
        && arguments != null
        && arguments[0] instanceof Router router) {
      server.requestHandler(new HostDefault(router));
      return server;
    }
    try {
      Object result = method.invoke(server, arguments);
      return result instanceof HostDefault handler ? handler.router() : result;
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  /**
   * Adds the local address as the host to requests without a host, which Vert.x cannot handle.
   * HTTP/1.0, and HTTP/1.1 with an empty Host, allow them.
   */
  private record HostDefault(Router router) implements Handler<HttpServerRequest> {
    @Override
    public void handle(HttpServerRequest request) {
      String host = request.getHeader(HttpHeaders.HOST);
      if (host == null ? request.version() == HttpVersion.HTTP_1_0 : host.isBlank()) {
        request.headers().set(HttpHeaders.HOST, NetUtil.toSocketAddressString(address(request)));
      }
      router.handle(request);
    }

    private static InetSocketAddress address(HttpServerRequest request) {
      return new InetSocketAddress(
          request.localAddress().hostAddress(), request.localAddress().port());
    }
  }

  private void limit(HttpConnection connection) {
    if (connections.incrementAndGet() > MAX_CONNECTIONS) {
      connection.close();
    }
    connection.closeHandler(closed -> connections.decrementAndGet());
    // Most failures are disconnected clients. Running out of memory is logged elsewhere.
    connection.exceptionHandler(failure -> LOG.debug("A connection failed", failure));
  }

  private static void refuse(HttpServerRequest request) {
    ErrorMapper.unreadable(request.decoderResult().cause()).to(request.response());
    // The start of the next request is unknown.
    request.connection().close();
  }

  /** Stops all threads of this Vert.x. Blocks for at most 10 s. */
  public void stop() {
    try {
      close()
          .toCompletionStage()
          .toCompletableFuture()
          .get(CLOSE_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      LOG.warn("The threads of the HTTP server did not stop", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
