// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import dev.caravan.component.CouchbaseDcpConsumer;
import dev.caravan.component.delivery.ConsumerStatus;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.camel.CamelContext;
import org.apache.camel.builder.TemplatedRouteBuilder;
import org.apache.camel.model.ModelCamelContext;
import org.apache.camel.model.RouteDefinition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A task as a Camel route. {@link #close} removes the route, its definition, its beans and each
 * endpoint that no other route uses from the Camel context.
 *
 * <p>Safe for use by several threads.
 */
final class TaskRoute implements Task {
  private static final Logger LOG = LoggerFactory.getLogger(TaskRoute.class);

  /** Short, because Camel locks all routes while one route stops. */
  private static final Duration STOP_TIME = Duration.ofSeconds(5);

  /** For a route that did not drain in time: a longer wait would only delay other tasks. */
  private static final Duration STOP_AT_ONCE = Duration.ofMillis(100);

  private final CamelContext context;
  private final String routeId;
  private final List<String> beanNames;
  private final CouchbaseDcpConsumer consumer;

  private TaskRoute(
      CamelContext context,
      String routeId,
      Collection<String> beanNames,
      CouchbaseDcpConsumer consumer) {
    this.context = context;
    this.routeId = routeId;
    this.beanNames = List.copyOf(beanNames);
    this.consumer = consumer;
  }

  /**
   * Adds a route and starts it. Does not wait for Couchbase.
   *
   * @param template the id of the route template
   * @param parameters the parameters of the template
   * @param beans the beans, by the template's parameter for the bean's name
   * @throws Exception if Camel cannot create or start the route; nothing of it remains
   */
  static TaskRoute add(
      CamelContext context,
      String template,
      String routeId,
      Map<String, Object> parameters,
      Map<String, Object> beans)
      throws Exception {
    // Not as beans of the template: Camel loses them if the parameter is in camel case.
    Map<String, String> names = new HashMap<>();
    beans.keySet().forEach(parameter -> names.put(parameter, routeId + "-" + parameter));
    Map<String, Object> all = new HashMap<>(parameters);
    all.putAll(names);
    try {
      beans.forEach((parameter, bean) -> context.getRegistry().bind(names.get(parameter), bean));
      TemplatedRouteBuilder.builder(context, template).routeId(routeId).parameters(all).add();
      return new TaskRoute(
          context,
          routeId,
          names.values(),
          (CouchbaseDcpConsumer) context.getRoute(routeId).getConsumer());
    } catch (Throwable e) {
      remove(context, routeId, names.values(), STOP_TIME);
      throw e;
    }
  }

  @Override
  public TaskStatus status() {
    ConsumerStatus status = consumer.status();
    return new TaskStatus(
        switch (status.phase()) {
          case CONNECTING -> TaskStatus.TaskState.CONNECTING;
          case STREAMING, DEGRADED -> TaskStatus.TaskState.STREAMING;
          case FAILED -> TaskStatus.TaskState.FAILED;
          case FINISHED, STOPPED -> TaskStatus.TaskState.STOPPED;
        },
        status.error());
  }

  @Override
  public void drain() {
    consumer.drain();
  }

  @Override
  public void close() {
    drain();
    boolean isDrained = false;
    try {
      // First, because Camel needs a second to stop a route with exchanges, and holds its lock.
      isDrained = consumer.awaitDrained();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    remove(context, routeId, beanNames, isDrained ? STOP_TIME : STOP_AT_ONCE);
  }

  /** Also removes a route whose start has failed, of which Camel keeps the definition. */
  private static void remove(
      CamelContext context, String routeId, Collection<String> beanNames, Duration stopTime) {
    try {
      if (context.getRoute(routeId) != null) {
        context.getRouteController().stopRoute(routeId, stopTime.toMillis(), TimeUnit.MILLISECONDS);
        context.removeRoute(routeId);
      }
      RouteDefinition definition = ((ModelCamelContext) context).getRouteDefinition(routeId);
      if (definition != null) {
        ((ModelCamelContext) context).removeRouteDefinition(definition);
      }
    } catch (Exception e) {
      LOG.error("Route {} could not be removed.", routeId, e);
    } finally {
      beanNames.forEach(context.getRegistry()::unbind);
    }
  }
}
