// SPDX-License-Identifier: Apache-2.0
package dev.caravan.testkit;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.runtime.RestartRequest;
import org.apache.kafka.connect.runtime.SessionKey;
import org.apache.kafka.connect.runtime.distributed.DistributedConfig;
import org.apache.kafka.connect.storage.ConfigBackingStore;
import org.apache.kafka.connect.storage.KafkaConfigBackingStore;
import org.apache.kafka.connect.storage.KafkaOffsetBackingStore;
import org.apache.kafka.connect.storage.KafkaStatusBackingStore;
import org.apache.kafka.connect.storage.OffsetStorageReaderImpl;
import org.apache.kafka.connect.storage.OffsetStorageWriter;
import org.apache.kafka.connect.util.ConnectorTaskId;
import org.apache.kafka.connect.util.TopicAdmin;

/** Kafka Connect's own classes that read and write its internal topics, as a worker uses them. */
public final class ConnectStorage implements AutoCloseable {
  private final DistributedConfig config;
  private final TopicAdmin admin;

  /**
   * @param prefix the topics are this and -configs, -offsets and -status
   */
  public ConnectStorage(String brokers, String prefix) {
    Map<String, String> properties = new HashMap<>();
    properties.put("bootstrap.servers", brokers);
    properties.put("group.id", prefix);
    properties.put("key.converter", JsonConverter.class.getName());
    properties.put("value.converter", JsonConverter.class.getName());
    for (String kind : new String[] {"config", "offset", "status"}) {
      properties.put(
          kind + ".storage.topic", prefix + (kind.equals("status") ? "-status" : "-" + kind + "s"));
      properties.put(kind + ".storage.replication.factor", "1");
    }
    this.config = new DistributedConfig(properties);
    this.admin = new TopicAdmin(Map.of("bootstrap.servers", brokers));
  }

  private static JsonConverter converter(boolean isKey) {
    JsonConverter converter = new JsonConverter();
    converter.configure(Map.of("schemas.enable", "false"), isKey);
    return converter;
  }

  /** A store of offsets, read to its end. */
  public KafkaOffsetBackingStore offsets() {
    KafkaOffsetBackingStore store =
        new KafkaOffsetBackingStore(() -> admin, () -> "connect-test-", converter(true));
    store.configure(config);
    store.start();
    return store;
  }

  public OffsetStorageReaderImpl reader(KafkaOffsetBackingStore store, String connector) {
    return new OffsetStorageReaderImpl(store, connector, converter(true), converter(false));
  }

  public OffsetStorageWriter writer(KafkaOffsetBackingStore store, String connector) {
    return new OffsetStorageWriter(store, connector, converter(true), converter(false));
  }

  /** A store of configurations, read to its end. */
  public KafkaConfigBackingStore configs() {
    KafkaConfigBackingStore store =
        new KafkaConfigBackingStore(converter(false), config, null, () -> admin, "connect-test-");
    store.setUpdateListener(new IgnoredUpdates());
    store.start();
    return store;
  }

  /** A store of statuses, read to its end. */
  public KafkaStatusBackingStore statuses() {
    KafkaStatusBackingStore store =
        new KafkaStatusBackingStore(Time.SYSTEM, converter(false), () -> admin, "connect-test-");
    store.configure(config);
    store.start();
    return store;
  }

  @Override
  public void close() {
    admin.close();
  }

  private static final class IgnoredUpdates implements ConfigBackingStore.UpdateListener {
    @Override
    public void onConnectorConfigRemove(String connector) {}

    @Override
    public void onConnectorConfigUpdate(String connector) {}

    @Override
    public void onTaskConfigUpdate(Collection<ConnectorTaskId> tasks) {}

    @Override
    public void onConnectorTargetStateChange(String connector) {}

    @Override
    public void onSessionKeyUpdate(SessionKey sessionKey) {}

    @Override
    public void onRestartRequest(RestartRequest restartRequest) {}

    @Override
    public void onLoggingLevelUpdate(String namespace, String level) {}
  }
}
