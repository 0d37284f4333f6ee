// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos.audit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.caravan.cli.chaos.audit.ChaosWrite.Identity;
import dev.caravan.cli.process.CommittedRecords;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** The commits of a connector's offsets, with their times. Not thread-safe. */
public final class ChaosCommits {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration QUIET = Duration.ofSeconds(1);

  private record Commit(long millis, long seqno) {}

  private final Map<Integer, List<Commit>> byVbucket = new HashMap<>();

  /**
   * Adds a commit.
   *
   * @param millis the time in milliseconds since the epoch
   */
  void add(int vbucket, long millis, long seqno) {
    byVbucket.computeIfAbsent(vbucket, any -> new ArrayList<>()).add(new Commit(millis, seqno));
  }

  /**
   * Whether an offset at or beyond a write was committed between two times.
   *
   * @param after in milliseconds since the epoch, exclusive
   * @param before in milliseconds since the epoch, exclusive
   */
  boolean covers(Identity write, long after, long before) {
    return byVbucket.getOrDefault(write.vbucket(), List.of()).stream()
        .anyMatch(
            commit ->
                commit.seqno() >= write.seqno()
                    && commit.millis() > after
                    && commit.millis() < before);
  }

  /**
   * Reads an offsets topic that was not compacted.
   *
   * @return the commits by the name of the connector
   */
  public static Map<String, ChaosCommits> read(String brokers, String topic) throws IOException {
    Map<String, ChaosCommits> commits = new HashMap<>();
    try (KafkaConsumer<byte[], byte[]> consumer =
        CommittedRecords.of(brokers, topic, new ByteArrayDeserializer())) {
      int read;
      do {
        read = 0;
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(QUIET)) {
          add(commits, record);
          read++;
        }
      } while (read > 0);
    }
    return commits;
  }

  private static void add(Map<String, ChaosCommits> commits, ConsumerRecord<byte[], byte[]> record)
      throws IOException {
    if (record.value() != null) {
      JsonNode key = JSON.readTree(record.key());
      commits
          .computeIfAbsent(key.path(0).asText(), any -> new ChaosCommits())
          .add(
              key.path(1).path("partition").asInt(),
              record.timestamp(),
              JSON.readTree(record.value()).path("bySeqno").asLong());
    }
  }
}
