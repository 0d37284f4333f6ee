// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.cli.process.ConnectClient;
import dev.caravan.cli.process.WorkerProcess;
import dev.caravan.sandbox.kafka.KafkaBroker;
import dev.caravan.testkit.TestProcesses;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** 500 clients write at once to a worker with a heap of 200 MB. */
class FloodTest {
  private static final int CLIENTS = 500;
  private static final String CLOSED = "closed";

  @Test
  void aFloodOfLargeWritesLeavesTheWorkerHealthy() throws Exception {
    try (KafkaBroker kafka = KafkaBroker.start();
        WorkerProcess worker =
            TestProcesses.startWorker(
                WorkerProcess.javaOptions("200m", "ERROR"), kafka.bootstrapServers(), "flood")) {
      ConnectClient rest = worker.rest();

      assertThat(flood(rest.url(), 900_000)).containsKey("413").containsOnlyKeys("413", CLOSED);
      assertThat(rest.get("/connectors")).isEqualTo("[]");

      Map<String, Integer> answers = flood(rest.url(), 250 * 1024);
      assertThat(answers.keySet()).as(answers.toString()).isSubsetOf("200", "201", "503", CLOSED);
      assertThat(answers).containsKey("201");
      assertThat(rest.get("/connectors")).isEqualTo("[\"flood\"]");
      rest.put("flood", CONFIG);
      assertThat(worker.process().isAlive()).isTrue();
    }
  }

  private static final Map<String, String> CONFIG =
      Map.of(
          "connector.class", "dev.caravan.CouchbaseSourceConnector",
          "couchbase.nodes", "127.0.0.1:1",
          "couchbase.bucket", "travel");

  /** The number of responses per status. */
  private static Map<String, Integer> flood(String url, int size) throws Exception {
    StringBuilder body = new StringBuilder("{");
    CONFIG.forEach((key, value) -> body.append("\"%s\": \"%s\", ".formatted(key, value)));
    body.append("\"padding\": \"");
    body.append("x".repeat(size - body.length() - 2)).append("\"}");
    byte[] request =
        ("PUT /connectors/flood/config HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                + "Content-Length: "
                + body.length()
                + "\r\n\r\n"
                + body)
            .getBytes(UTF_8);
    ExecutorService clients = Executors.newFixedThreadPool(CLIENTS);
    try {
      List<Callable<String>> calls = new ArrayList<>();
      for (int i = 0; i < CLIENTS; i++) {
        calls.add(() -> status(URI.create(url), request));
      }
      Map<String, Integer> answers = new TreeMap<>();
      for (Future<String> call : clients.invokeAll(calls, 60, TimeUnit.SECONDS)) {
        answers.merge(call.get(), 1, Integer::sum);
      }
      return answers;
    } finally {
      clients.shutdownNow();
    }
  }

  private static String status(URI url, byte[] request) {
    try (Socket socket = new Socket(url.getHost(), url.getPort())) {
      socket.getOutputStream().write(request);
      String line =
          new BufferedReader(new InputStreamReader(socket.getInputStream(), UTF_8)).readLine();
      return line == null ? CLOSED : line.split(" ")[1];
    } catch (IOException e) {
      return CLOSED;
    }
  }
}
