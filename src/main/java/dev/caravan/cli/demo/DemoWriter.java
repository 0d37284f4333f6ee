// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.demo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.camel.main.Main;

/**
 * Writes the demo's documents to Couchbase through a camel-couchbase route in its own Camel
 * context, as another application would. Thread-safe.
 */
final class DemoWriter implements AutoCloseable {
  private static final int CHUNK = 500;

  private final Main main = new Main();
  private final AtomicInteger written = new AtomicInteger();
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(task -> new Thread(task, "demo-writer"));

  /**
   * @param host the address of a Couchbase node on port 11210, the only port that camel-couchbase
   *     supports
   */
  DemoWriter(String host, String bucket, String username, String password) {
    main.configure().withName("demo-writer");
    main.configure().withRoutesIncludePattern("classpath:routes/demo-writer.camel.yaml");
    main.configure().withJmxEnabled(false);
    main.addInitialProperty("demo.couchbase.host", host);
    main.addInitialProperty("demo.bucket", bucket);
    main.addInitialProperty("demo.username", username);
    main.addInitialProperty("demo.password", password);
    main.start();
  }

  /** Writes documents 0 to {@code documents - 1}; completes when all are written. */
  CompletableFuture<Void> write(int documents) {
    return CompletableFuture.runAsync(
        () -> {
          try (var template = main.getCamelContext().createProducerTemplate()) {
            for (int from = 0; from < documents; from += CHUNK) {
              int to = Math.min(documents, from + CHUNK);
              template.sendBody("direct:demo-documents", DemoDocuments.range(from, to));
              written.set(to);
            }
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        },
        thread);
  }

  /** The number of documents that are in Couchbase. */
  int written() {
    return written.get();
  }

  @Override
  public void close() {
    thread.shutdownNow();
    main.stop();
  }
}
