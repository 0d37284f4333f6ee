// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class HttpVertxTest {
  private final HttpVertx vertx = new HttpVertx(Duration.ofMillis(200));

  @AfterEach
  void stop() {
    vertx.stop();
  }

  @Test
  void aConnectionOnWhichNothingMovesIsClosed() throws Exception {
    HttpServer server =
        vertx
            .createHttpServer(new HttpServerOptions())
            .requestHandler(request -> request.body().onSuccess(body -> request.response().end()))
            .listen(0, "127.0.0.1")
            .toCompletionStage()
            .toCompletableFuture()
            .get(10, TimeUnit.SECONDS);
    String url = "http://127.0.0.1:" + server.actualPort();
    try (RawHttp silent = new RawHttp(url);
        RawHttp stalled = new RawHttp(url)) {
      stalled.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{".getBytes(UTF_8));
      assertThat(silent.isClosedByServer()).isTrue();
      assertThat(stalled.isClosedByServer()).isTrue();
    }
  }
}
