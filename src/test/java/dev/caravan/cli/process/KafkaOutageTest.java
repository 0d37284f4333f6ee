// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.testkit.SandboxWorker;
import dev.caravan.testkit.Topic;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** 50 clients read and write while the broker is down for longer than the session timeout. */
class KafkaOutageTest {
  private static final int CLIENTS = 50;
  private static final int SESSION_MILLIS = 6000;
  private static final List<String> PATHS =
      List.of(
          "/connectors",
          "/connectors/copy",
          "/connectors/copy/status",
          "/connectors?expand=info&expand=status");
  private static final String NAME = "copy";
  private static final String BUCKET = "travel";

  @RegisterExtension
  private static final SandboxWorker SANDBOX =
      new SandboxWorker(8)
          .bucket(BUCKET)
          .workerProperty("session.timeout.ms", Integer.toString(SESSION_MILLIS))
          .workerProperty("heartbeat.interval.ms", "200");

  private final Queue<Duration> reads = new ConcurrentLinkedQueue<>();
  private final Queue<HttpResponse<String>> writes = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean isOver = new AtomicBoolean();
  private final HttpClient http = HttpClient.newHttpClient();

  @Test
  void readsAreAnsweredAtOnceAndWritesFailOrAreMadeAndTheWorkerStreamsAgain() throws Exception {
    ConnectClient rest = SANDBOX.rest();
    try (Topic topic = SANDBOX.committed(NAME + "-" + BUCKET)) {
      SANDBOX.create(NAME, BUCKET, Map.of());
      SANDBOX.documents(BUCKET).upsert("before", "{}");
      topic.awaitRecords(1);
      List<CompletableFuture<Void>> clients = new ArrayList<>();
      for (String path : PATHS) {
        rest.get(path);
      }

      SANDBOX.kafka().stop();
      long stopped = System.nanoTime();
      for (int i = 0; i < CLIENTS; i++) {
        // Not all at once, so that they wait for Kafka and not for a processor.
        clients.add(later(20L * i, () -> read(rest)));
        clients.add(later(20L * i, () -> write(rest)));
      }
      SANDBOX.documents(BUCKET).upsert("meanwhile", "{}");
      await()
          .atMost(20, TimeUnit.SECONDS)
          .until(() -> millisSince(stopped) > SESSION_MILLIS + 1000);
      isOver.set(true);
      SANDBOX.kafka().restart();
      topic.awaitRecords(2);
      CompletableFuture.allOf(clients.toArray(CompletableFuture[]::new)).get(60, TimeUnit.SECONDS);
      List<Duration> sorted = reads.stream().sorted().toList();
      String latency =
          sorted.size()
              + " reads: p50 "
              + sorted.get(sorted.size() / 2)
              + ", p99 "
              + sorted.get(sorted.size() * 99 / 100)
              + ", max "
              + sorted.get(sorted.size() - 1);
      assertThat(sorted).as(latency).hasSizeGreaterThanOrEqualTo(2 * CLIENTS);
      // A read takes milliseconds on an idle machine. A read that waits for Kafka, or for a write
      // that
      // waits for Kafka, takes longer than the outage.
      assertThat(sorted.get(sorted.size() - 1)).as(latency).isLessThan(Duration.ofSeconds(3));
      assertThat(writes)
          .hasSizeGreaterThanOrEqualTo(CLIENTS)
          .allSatisfy(KafkaOutageTest::isMadeOrRefused);
      assertThat(writes.stream().filter(write -> write.statusCode() < 300).count())
          .as("writes that waited for the broker")
          .isBetween(1L, (long) CLIENTS);
      assertThat(SANDBOX.connectors().taskState(NAME)).isEqualTo("RUNNING");
    }
  }

  private static long millisSince(long nanos) {
    return Duration.ofNanos(System.nanoTime() - nanos).toMillis();
  }

  private static void isMadeOrRefused(HttpResponse<String> write) {
    assertThat(write.statusCode()).as(write.body()).isIn(200, 201, 500, 503);
    if (write.statusCode() == 503) {
      assertThat(write.headers().firstValue("Retry-After")).contains("1");
    }
    if (write.statusCode() == 500) {
      assertThat(write.body()).containsAnyOf("could not be written", "Request timed out");
    }
  }

  /** Reads twice per second while the broker is down. */
  private CompletableFuture<Void> read(ConnectClient rest) {
    long begun = System.nanoTime();
    String path = PATHS.get(reads.size() % PATHS.size());
    return http.sendAsync(rest.request("GET", path, ""), HttpResponse.BodyHandlers.ofString())
        .thenAccept(
            response -> {
              assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
              reads.add(Duration.ofNanos(System.nanoTime() - begun));
            })
        .thenCompose(read -> isOver.get() ? done() : later(500, () -> read(rest)));
  }

  /** Puts the same configuration until a write succeeds or the broker is back. */
  private CompletableFuture<Void> write(ConnectClient rest) {
    HttpRequest request =
        rest.request(
            "PUT",
            "/connectors/copy/config",
            ConnectClient.json(SANDBOX.config(NAME, BUCKET, Map.of())));
    return http.sendAsync(request, HttpResponse.BodyHandlers.ofString())
        .thenCompose(
            response -> {
              writes.add(response);
              return isOver.get() || response.statusCode() < 300
                  ? done()
                  : later(1000, () -> write(rest));
            });
  }

  private static CompletableFuture<Void> done() {
    return CompletableFuture.completedFuture(null);
  }

  private static CompletableFuture<Void> later(
      long millis, Supplier<CompletableFuture<Void>> next) {
    return CompletableFuture.supplyAsync(
            next, CompletableFuture.delayedExecutor(millis, TimeUnit.MILLISECONDS))
        .thenCompose(future -> future);
  }
}
