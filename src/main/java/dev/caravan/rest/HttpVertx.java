// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.impl.VertxInternal;
import io.vertx.core.impl.VertxWrapper;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
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
  private static final Duration IDLE_TIMEOUT = ConnectorsApi.TIMEOUT.plusSeconds(30);

  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(10);

  private final Duration idleTimeout;

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
    return super.createHttpServer(options).invalidRequestHandler(HttpVertx::refuse);
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
