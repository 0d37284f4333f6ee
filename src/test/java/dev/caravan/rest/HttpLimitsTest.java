// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.node.TextNode;
import dev.caravan.rest.ApiCall.Reply;
import dev.caravan.rest.RawHttp.Response;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpRouter;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * The limits of the HTTP server, with a worker that responds when the test completes its future.
 */
class HttpLimitsTest {
  private static final Duration CALL_TIMEOUT = Duration.ofSeconds(2);
  private static final Map<String, String> JSON = Map.of("Content-Type", "application/json");
  private static final byte[] BODY = "{}".getBytes(UTF_8);
  private static final byte[] NOTHING = {};

  private final HttpVertx vertx = new HttpVertx();
  private final Main main = new Main();
  private final List<Waiting> waiting = new CopyOnWriteArrayList<>();
  private final AtomicInteger pieces = new AtomicInteger();
  private String url;

  private record Waiting(CompletableFuture<String> answer, CompletableFuture<Void> unwanted) {}

  @BeforeEach
  void start() throws Exception {
    Map.of(
            "camel.main.jmxEnabled", "false",
            "camel.server.enabled", "true",
            "camel.server.host", "127.0.0.1",
            "camel.server.port", "0",
            "camel.server.maxBodySize", Integer.toString(RequestGuard.MAX_BODY_BYTES))
        .forEach(main::addOverrideProperty);
    main.bind("vertx", vertx);
    main.bind(ApiEngine.NAME, new ApiEngine());
    main.configure()
        .addRoutesBuilder(
            new RouteBuilder() {
              @Override
              public void configure() {
                onException(Throwable.class).handled(true).process(new ErrorMapper());
                restConfiguration().component("platform-http");
                rest("/slow").put().id("put").to("direct:put");
                rest("/").get().id("get").to("direct:get");
                rest("/large").get().id("large").to("direct:large");
                from("direct:put")
                    .process(new ApiCall((exchange, unwanted) -> ask(unwanted), CALL_TIMEOUT));
                from("direct:get")
                    .process(new ApiCall((exchange, unwanted) -> now(), CALL_TIMEOUT));
                from("direct:large")
                    .process(new ApiCall((exchange, unwanted) -> large(), CALL_TIMEOUT));
              }
            });
    main.start();
    VertxPlatformHttpRouter router =
        requireNonNull(
            VertxPlatformHttpRouter.lookup(
                main.getCamelContext(), VertxPlatformHttpRouter.getRouterNameFromPort(0)));
    RequestGuard.installIn(main.getCamelContext(), router, Duration.ofMillis(500));
    url = "http://127.0.0.1:" + router.getServer().getServer().actualPort();
  }

  @AfterEach
  void stop() {
    waiting.forEach(write -> write.answer().complete("over"));
    main.stop();
    vertx.stop();
  }

  private Reply<String> ask(CompletableFuture<Void> unwanted) {
    Waiting write = new Waiting(new CompletableFuture<>(), unwanted);
    waiting.add(write);
    return new Reply<>(write.answer(), text -> JsonResponse.of(200, TextNode.valueOf(text)));
  }

  private static Reply<String> now() {
    return new Reply<>(
        CompletableFuture.completedFuture("now"),
        text -> JsonResponse.of(200, TextNode.valueOf(text)));
  }

  /** 100 MiB, more than sockets buffer. */
  private Reply<String> large() {
    JsonResponse.Pieces body =
        () ->
            CompletableFuture.completedFuture(
                pieces.incrementAndGet() > 1600 ? null : new byte[64 * 1024]);
    return new Reply<>(CompletableFuture.completedFuture(""), text -> JsonResponse.of(200, body));
  }

  @Test
  void readsAreAnsweredWhileAsManyWritesWaitAsMayAndFurtherWritesAreRefused() throws Exception {
    List<RawHttp> clients = new ArrayList<>();
    try {
      for (int i = 0; i < WriteLimit.MAX; i++) {
        clients.add(new RawHttp(url).send(RawHttp.request("PUT", "/slow", JSON, BODY)));
      }
      await().until(() -> waiting.size() == WriteLimit.MAX);

      assertThat(ask("GET", "/", NOTHING).body()).isEqualTo("\"now\"");
      Response refused = ask("PUT", "/slow", BODY);
      assertThat(refused.status()).isEqualTo(503);
      assertThat(refused.headers()).containsEntry("retry-after", "1");

      waiting.get(0).answer().complete("done");
      assertThat(clients.get(0).read().body()).isEqualTo("\"done\"");
      clients.add(new RawHttp(url).send(RawHttp.request("PUT", "/slow", JSON, BODY)));
      await().until(() -> waiting.size() == WriteLimit.MAX + 1);
    } finally {
      for (RawHttp client : clients) {
        client.close();
      }
    }
  }

  @Test
  void aWriteOfADisconnectedClientIsUnwantedButCountsUntilItEnds() throws Exception {
    List<RawHttp> clients = new ArrayList<>();
    for (int i = 0; i < WriteLimit.MAX; i++) {
      clients.add(new RawHttp(url).send(RawHttp.request("PUT", "/slow", JSON, BODY)));
    }
    await().until(() -> waiting.size() == WriteLimit.MAX);
    for (RawHttp client : clients) {
      client.close();
    }
    await().until(() -> waiting.stream().allMatch(write -> write.unwanted().isDone()));

    assertThat(ask("PUT", "/slow", BODY).status()).isEqualTo(503);

    waiting.forEach(write -> write.answer().complete("over"));
    try (RawHttp next = new RawHttp(url)) {
      next.send(RawHttp.request("PUT", "/slow", JSON, BODY));
      await().until(() -> waiting.size() == WriteLimit.MAX + 1);
    }
  }

  @Test
  void aWriteWithoutAnAnswerInTimeEndsWithAnErrorThatSaysSo() throws Exception {
    Response response = ask("PUT", "/slow", BODY);
    assertThat(response.status()).isEqualTo(500);
    assertThat(response.body())
        .contains("Request timed out. The worker had no answer within 2 s")
        .contains("whether a change was made is not known");
    assertThat(waiting.get(0).unwanted()).isDone();
  }

  @Test
  void aBodyThatDoesNotArriveInTimeIsNotWaitedFor() throws Exception {
    try (RawHttp http = new RawHttp(url)) {
      http.send(
          "PUT /slow HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
              .getBytes(UTF_8));
      assertThat(http.read().status()).isEqualTo(408);
      assertThat(http.isClosedByServer()).isTrue();
    }
    assertThat(waiting).isEmpty();
  }

  @Test
  void moreConnectionsThanAllowedAreClosedAtOnce() throws Exception {
    List<RawHttp> clients = new ArrayList<>();
    try {
      for (int i = 0; i < HttpVertx.MAX_CONNECTIONS; i++) {
        RawHttp client = new RawHttp(url);
        clients.add(client);
        client.send(RawHttp.request("GET", "/", Map.of(), NOTHING));
        assertThat(client.read().status()).isEqualTo(200);
      }
      try (RawHttp more = new RawHttp(url)) {
        assertThat(more.isClosedByServer()).isTrue();
      }
      clients.remove(0).close();
      await().untilAsserted(() -> assertThat(ask("GET", "/", NOTHING).status()).isEqualTo(200));
    } finally {
      for (RawHttp client : clients) {
        client.close();
      }
    }
  }

  @Test
  void aLargeAnswerIsMadeNoFasterThanItsClientReads() throws Exception {
    try (RawHttp http = new RawHttp(url)) {
      http.send(RawHttp.request("GET", "/large", Map.of(), NOTHING));
      await().until(() -> pieces.get() > 1);
      await()
          .during(Duration.ofMillis(300))
          .atMost(Duration.ofSeconds(5))
          .until(pieces::get, made -> made < 800);
    }
  }

  private Response ask(String method, String target, byte[] body) throws Exception {
    try (RawHttp http = new RawHttp(url)) {
      return http.send(RawHttp.request(method, target, JSON, body)).read();
    }
  }
}
