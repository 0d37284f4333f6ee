// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.couchbase.client.dcp.Client;
import com.couchbase.client.dcp.StreamFrom;
import com.couchbase.client.dcp.StreamTo;
import com.couchbase.client.dcp.highlevel.DatabaseChangeListener;
import com.couchbase.client.dcp.highlevel.Deletion;
import com.couchbase.client.dcp.highlevel.DocumentChange;
import com.couchbase.client.dcp.highlevel.Mutation;
import com.couchbase.client.dcp.highlevel.StreamFailure;
import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/**
 * The benchmark's baseline, a loop written by hand: the DCP client's listener sends each change
 * with a Kafka producer, and acknowledges the change when Kafka has acknowledged the record. It has
 * no Camel, no offsets, no status and no drain rate.
 */
final class DcpLoop implements AutoCloseable {
  private final Client client;
  private final Producer<byte[], byte[]> producer;
  private final byte[] head;
  private final String topic;

  DcpLoop(
      String couchbase,
      String bucket,
      String topic,
      Map<String, Object> producerSettings,
      int window) {
    this.topic = topic;
    this.head = ("{\"bucket\":\"" + bucket + "\",\"document\":\"").getBytes(UTF_8);
    producer =
        new KafkaProducer<>(producerSettings, new ByteArraySerializer(), new ByteArraySerializer());
    client =
        Client.builder()
            .connectionString(couchbase)
            .bucket(bucket)
            .credentials(BenchRun.USERNAME, BenchRun.PASSWORD)
            .flowControl(window)
            // The worker's default.
            .mitigateRollbacks(100, TimeUnit.MILLISECONDS)
            .collectionsAware(true)
            .userAgent("caravan-bench", "1")
            .build();
    client.nonBlockingListener(new ChangeListener());
  }

  void start() {
    client.connect().block(Duration.ofSeconds(30));
    client.initializeState(StreamFrom.BEGINNING, StreamTo.INFINITY).block();
    client.startStreaming().block(Duration.ofSeconds(60));
  }

  @Override
  public void close() {
    client.close();
    producer.close(Duration.ofSeconds(5));
  }

  private void send(DocumentChange change, byte @Nullable [] value) {
    producer.send(
        new ProducerRecord<>(topic, change.getKey().getBytes(UTF_8), value),
        (metadata, failure) -> {
          if (failure == null) {
            change.flowControlAck();
          }
        });
  }

  private byte[] value(DocumentChange change) {
    byte[] content = change.getContent();
    ByteArrayOutputStream value = new ByteArrayOutputStream(content.length + 96);
    value.writeBytes(head);
    value.writeBytes(JsonStringEncoder.getInstance().quoteAsUTF8(change.getKey()));
    value.writeBytes("\",\"body\":".getBytes(UTF_8));
    value.writeBytes(content);
    value.write('}');
    return value.toByteArray();
  }

  private final class ChangeListener implements DatabaseChangeListener {
    @Override
    public void onMutation(Mutation mutation) {
      send(mutation, value(mutation));
    }

    @Override
    public void onDeletion(Deletion deletion) {
      send(deletion, null);
    }

    @Override
    public void onFailure(StreamFailure failure) {
      throw new IllegalStateException("The stream failed", failure.getCause());
    }
  }
}
