// SPDX-License-Identifier: Apache-2.0
package dev.caravan.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.component.CouchbaseDcpConsumer;
import dev.caravan.component.CouchbaseDcpMessage;
import dev.caravan.component.delivery.ConsumerStatus;
import dev.caravan.component.delivery.Phase;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.camel.CamelContext;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;

/**
 * A Camel application with one route that collects the changes of documents whose ids begin with
 * the prefix of a test.
 */
final class TestRoute implements AutoCloseable {
  private static final Duration SOON = Duration.ofSeconds(30);

  private final CamelContext context = new DefaultCamelContext();
  private final List<CouchbaseDcpMessage> changes = new CopyOnWriteArrayList<>();

  TestRoute(String uri, String prefix) throws Exception {
    context.getShutdownStrategy().setTimeout(2);
    context.addRoutes(
        new RouteBuilder() {
          @Override
          public void configure() {
            errorHandler(noErrorHandler());
            from(uri)
                .routeId("route")
                .process(
                    exchange -> {
                      CouchbaseDcpMessage change = exchange.getIn(CouchbaseDcpMessage.class);
                      if (change.getDocumentId().startsWith(prefix)) {
                        changes.add(change);
                      }
                    });
          }
        });
    context.start();
  }

  List<CouchbaseDcpMessage> changes() {
    return changes;
  }

  List<CouchbaseDcpMessage> awaitChanges(int count) {
    return awaitChanges(count, SOON);
  }

  List<CouchbaseDcpMessage> awaitChanges(int count, Duration atMost) {
    await()
        .atMost(atMost)
        .untilAsserted(() -> assertThat(changes).hasSizeGreaterThanOrEqualTo(count));
    assertThat(changes).hasSize(count);
    return changes;
  }

  TestRoute awaitStreaming() {
    await().atMost(SOON).until(() -> status().phase() == Phase.STREAMING);
    return this;
  }

  /** Waits until the route does not stream and its error has these words. */
  void awaitTrouble(String... words) {
    await()
        .atMost(SOON)
        .untilAsserted(
            () -> {
              ConsumerStatus status = status();
              assertThat(status.phase()).isEqualTo(Phase.CONNECTING);
              assertThat(status.error()).isNotNull();
              assertThat(status.error().getMessage()).contains(List.of(words));
            });
  }

  ConsumerStatus status() {
    return ((CouchbaseDcpConsumer) context.getRoute("route").getConsumer()).status();
  }

  @Override
  public void close() {
    context.stop();
  }
}
