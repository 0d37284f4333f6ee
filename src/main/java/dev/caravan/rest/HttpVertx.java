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
 * The Vert.x that Camel finds in its registry and makes its HTTP server with. Its servers speak
 * HTTP/1.1 only, answer in JSON what can't be read as such, and close connections on which nothing
 * moves; Camel has an option for none of these. Thread-safe, as every Vert.x.
 */
public final class HttpVertx extends VertxWrapper {
  private static final Logger LOG = LoggerFactory.getLogger(HttpVertx.class);

  /** Longer than a request may wait for its answer, when nothing moves either. */
  private static final Duration IDLE_TIMEOUT = ApiCall.TIMEOUT.plusSeconds(30);

  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(10);

  /** More are closed at once. */
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
    // As Kafka Connect. In HTTP/2, Vert.x would answer HEAD with a body, which clients can't take.
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

  /** Calls a method of a server, and lets its requests be given a host before they are handled. */
  private static @Nullable Object call(
      HttpServer server, Method method, Object @Nullable [] arguments) throws Throwable {
    if (method.getName().equals("requestHandler")
        && arguments != null
        && arguments[0] instanceof Router router) {
      server.requestHandler(new Named(router));
      return server;
    }
    try {
      Object result = method.invoke(server, arguments);
      return result instanceof Named named ? named.router() : result;
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  /**
   * Handles requests whose client names no server, as HTTP/1.0 and HTTP/1.1 with an empty Host
   * allow: as if it had named the address that it reached. Vert.x can't handle them.
   */
  private record Named(Router router) implements Handler<HttpServerRequest> {
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
    // Most failures are clients that go away. A full memory is seen in the log, at any level.
    connection.exceptionHandler(failure -> LOG.debug("A connection failed", failure));
  }

  private static void refuse(HttpServerRequest request) {
    ErrorMapper.unreadable(request.decoderResult().cause()).to(request.response());
    // Where the next request would begin is not known.
    request.connection().close();
  }

  /** Stops all threads of this Vert.x. Blocks for ten seconds at most. */
  public void stop() {
    try {
      close()
          .toCompletionStage()
          .toCompletableFuture()
          .get(CLOSE_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      LOG.warn("The HTTP server's threads did not stop", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
