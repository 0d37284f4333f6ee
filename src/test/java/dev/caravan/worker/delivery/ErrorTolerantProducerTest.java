// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.connector.ConnectorConfig;
import dev.caravan.connector.TaskConfig;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The callback of a refused record is called exactly once, however the record is handled. */
@Tag("unit")
class ErrorTolerantProducerTest {
  private static final String DEAD = "dead";

  private final List<Exception> outcomes = new ArrayList<>();
  private final List<Runnable> letters = new ArrayList<>();
  private final Refusing kafka = new Refusing();

  /** A producer that can be set to refuse dead letters. */
  private static final class Refusing extends MockProducer<byte[], byte[]> {
    private boolean throwsForLetters;

    Refusing() {
      super(false, new ByteArraySerializer(), new ByteArraySerializer());
    }

    @Override
    public synchronized Future<RecordMetadata> send(
        ProducerRecord<byte[], byte[]> record, Callback callback) {
      if (throwsForLetters && record.topic().equals(DEAD)) {
        throw new KafkaException("Topic dead not present in metadata");
      }
      return super.send(record, callback);
    }
  }

  private ErrorTolerantProducer tolerant(String deadLetterTopic, Executor senders) {
    Map<String, String> config = new HashMap<>();
    config.put("connector.class", "dev.caravan.CouchbaseSourceConnector");
    config.put("name", "golden");
    config.put("couchbase.nodes", "localhost");
    config.put("couchbase.bucket", "orders");
    config.put("errors.tolerance", "all");
    if (!deadLetterTopic.isEmpty()) {
      config.put("errors.deadletterqueue.topic.name", deadLetterTopic);
    }
    TaskConfig task = new TaskConfig(ConnectorConfig.parse(config), 0, 1);
    return ErrorTolerantProducer.of(task, kafka, senders);
  }

  private void sendRefused(ErrorTolerantProducer producer) {
    producer.send(
        new ProducerRecord<>("orders", "large".getBytes(UTF_8), new byte[0]),
        (metadata, failure) -> outcomes.add(failure));
    kafka.errorNext(new RecordTooLargeException("too large"));
  }

  @Test
  void aDeadLetterThatIsSent() {
    sendRefused(tolerant(DEAD, letters::add));
    assertThat(outcomes).isEmpty();
    letters.forEach(Runnable::run);
    assertThat(outcomes).isEmpty();
    kafka.completeNext();
    assertThat(outcomes).containsExactly((Exception) null);
  }

  @Test
  void aDeadLetterThatKafkaDoesNotTake() {
    sendRefused(tolerant(DEAD, letters::add));
    letters.forEach(Runnable::run);
    kafka.errorNext(new KafkaException("no"));
    assertFailedOnce("no");
  }

  @Test
  void aDeadLetterWhoseSendThrows() {
    kafka.throwsForLetters = true;
    sendRefused(tolerant(DEAD, letters::add));
    letters.forEach(Runnable::run);
    assertFailedOnce("Topic dead not present in metadata");
  }

  @Test
  void aDeadLetterOfATaskThatHasStopped() {
    sendRefused(
        tolerant(
            DEAD,
            letter -> {
              throw new RejectedExecutionException("stopped");
            }));
    assertFailedOnce("stopped");
  }

  @Test
  void noDeadLetterWithoutATopic() {
    sendRefused(tolerant("", Runnable::run));
    assertThat(outcomes).containsExactly((Exception) null);
  }

  private void assertFailedOnce(String reason) {
    assertThat(outcomes).hasSize(1);
    assertThat(outcomes.get(0))
        .hasMessageContaining("document 'large'")
        .hasMessageContaining("dead-letter topic 'dead'")
        .hasMessageContaining(reason);
  }
}
