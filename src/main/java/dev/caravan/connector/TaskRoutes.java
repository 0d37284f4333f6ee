// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import dev.caravan.component.CouchbaseDcpConfiguration;
import dev.caravan.component.DrainRate;
import dev.caravan.component.OnDeliveryFailure;
import dev.caravan.offset.OffsetStore;
import dev.caravan.record.DocumentAvro;
import dev.caravan.record.DocumentJson;
import dev.caravan.record.RecordConverter;
import dev.caravan.record.RecordFormat;
import dev.caravan.record.SchemaRegistry;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.apache.camel.CamelContext;

/**
 * Starts each task as a route of the template {@code couchbase-to-kafka}.
 *
 * <p>Immutable and safe for use by several threads. Camel starts and stops one route at a time.
 */
public final class TaskRoutes implements TaskFactory {
  private static final String TEMPLATE = "couchbase-to-kafka";

  private final Supplier<CamelContext> context;
  private final String brokers;
  private final Optional<SchemaRegistry> registry;

  /**
   * @param context supplies the Camel context of the routes; not called before a task starts
   * @param brokers the Kafka brokers, {@code host:port}, separated by commas
   * @param registry the schema registry; with one, values are Avro, without one, JSON
   */
  public TaskRoutes(
      Supplier<CamelContext> context, String brokers, Optional<SchemaRegistry> registry) {
    this.context = context;
    this.brokers = brokers;
    this.registry = registry;
  }

  @Override
  public Task start(TaskConfig task, OffsetStore offsets) throws Exception {
    Map<String, Object> beans = new HashMap<>();
    beans.put("configuration", configuration(task, offsets));
    beans.put("recordConverter", recordConverter(task));
    return TaskRoute.add(context.get(), TEMPLATE, task.routeId(), parameters(task), beans);
  }

  @Override
  public void warmUp(TaskConfig example, Duration timeout) {
    WarmUp.run(context.get(), example.connector(), timeout);
  }

  private static CouchbaseDcpConfiguration configuration(TaskConfig task, OffsetStore offsets) {
    CouchbaseDcpConfiguration configuration = task.connector().endpointConfiguration();
    configuration.setVbuckets(task.vbuckets());
    configuration.setBatchSize(task.drainRate().batchSize());
    // The offsets belong to the connector, not to the route.
    configuration.setOffsetStore(owner -> offsets);
    // The worker restarts a failed task by its own policy.
    configuration.setOnDeliveryFailure(OnDeliveryFailure.STOP);
    return configuration;
  }

  private Map<String, Object> parameters(TaskConfig task) {
    ConnectorConfig connector = task.connector();
    DrainRate rate = task.drainRate();
    Map<String, Object> parameters = new HashMap<>();
    parameters.put("buckets", String.join(",", connector.buckets()));
    parameters.put("unlimited", rate.unlimited());
    parameters.put("permits", rate.permits());
    parameters.put("periodMillis", rate.periodMillis());
    parameters.put("topic", connector.topic(connector.buckets().get(0)));
    parameters.put("brokers", brokers);
    parameters.put("task", task.routeId());
    return parameters;
  }

  private RecordConverter recordConverter(TaskConfig task) {
    ConnectorConfig connector = task.connector();
    RecordFormat format =
        registry
            .<RecordFormat>map(
                known -> new DocumentAvro(connector.get(ConnectorOptions.SCHEMA_NAME), known))
            .orElseGet(DocumentJson::new);
    RecordConverter converter =
        new RecordConverter(connector.get(ConnectorOptions.TOPIC), format, connector.headers());
    RecordConverter tolerant =
        task.deadLetterQueue().map(converter::withDeadLetterQueue).orElse(converter);
    return connector
        .find(ConnectorOptions.OPERATIONS_TOPIC)
        .map(tolerant::withOperationsTopic)
        .orElse(tolerant);
  }
}
