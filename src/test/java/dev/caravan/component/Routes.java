// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.component.delivery.ConsumerStatus;
import dev.caravan.component.delivery.Phase;
import java.time.Duration;
import java.util.List;
import org.apache.camel.CamelContext;
import org.apache.camel.Processor;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;

/** A Camel context with one couchbase-dcp route, named "route". */
final class Routes implements AutoCloseable {
  static final Duration SOON = Duration.ofSeconds(20);

  private final CamelContext context = new DefaultCamelContext();

  Routes() {
    context.getShutdownStrategy().setTimeout(2);
  }

  CamelContext context() {
    return context;
  }

  Routes bind(String name, Object bean) {
    context.getRegistry().bind(name, bean);
    return this;
  }

  Routes start(String uri, Processor processor) throws Exception {
    context.addRoutes(
        new RouteBuilder() {
          @Override
          public void configure() {
            errorHandler(noErrorHandler());
            from(uri).routeId("route").process(processor);
          }
        });
    context.start();
    return this;
  }

  CouchbaseDcpConsumer consumer() {
    return (CouchbaseDcpConsumer) context.getRoute("route").getConsumer();
  }

  ConsumerStatus status() {
    return consumer().status();
  }

  void awaitPhase(Phase phase) {
    await().atMost(SOON).untilAsserted(() -> assertThat(status().phase()).isEqualTo(phase));
  }

  /** Waits until the consumer isn't streaming and says why in these words. */
  void awaitTrouble(Phase phase, String... words) {
    await()
        .atMost(SOON)
        .untilAsserted(
            () -> {
              ConsumerStatus status = status();
              assertThat(status.phase()).isEqualTo(phase);
              assertThat(status.error()).isNotNull();
              assertThat(status.error().getMessage()).contains(List.of(words));
            });
  }

  @Override
  public void close() {
    context.stop();
  }
}
