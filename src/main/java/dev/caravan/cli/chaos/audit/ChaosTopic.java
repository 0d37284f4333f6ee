// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.caravan.cli.chaos.audit.ChaosOutage.Kind;
import dev.caravan.cli.chaos.audit.ChaosWrite.Identity;
import dev.caravan.cli.process.CommittedRecords;
import dev.caravan.record.RecordHeader;
import dev.caravan.record.RecordHeaders;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * The records of the topic, as far as they are committed, in the order of their partitions. Of each
 * it keeps what an audit needs. Not thread-safe.
 */
public final class ChaosTopic implements AutoCloseable {
  /** What a connector's records must have in their headers for that. */
  public static final String HEADERS =
      Stream.of(RecordHeader.PARTITION, RecordHeader.SEQNO, RecordHeader.CAS)
          .map(RecordHeader::label)
          .collect(Collectors.joining(","));

  private static final Duration QUIET = Duration.ofSeconds(2);

  /** As long as a worker goes without committing offsets, and what it takes to do so. */
  private static final long UNCOMMITTED_MILLIS = 6_000;

  /** As long as a suspended process may take to stand still. */
  private static final long CLOCK_MILLIS = 100;

  /** Before that, nobody takes over from a worker that isn't heard of. */
  private static final long LEASE_MILLIS = 6_000;

  /**
   * A record of the topic.
   *
   * @param timestamp when it was sent, in milliseconds since the epoch
   * @param after the latest timestamp of the records before it in its partition
   */
  public record Entry(Identity identity, long timestamp, long after, String where) {
    /**
     * Whether a worker had sent it, but not got rid of it, when it was suspended for so long that
     * another one went on meanwhile.
     */
    public boolean isOfZombie(List<ChaosOutage> outages) {
      return outages.stream()
          .anyMatch(
              outage ->
                  outage.kind() == Kind.SUSPENDED
                      && timestamp <= outage.start() + CLOCK_MILLIS
                      && timestamp > outage.start() - UNCOMMITTED_MILLIS
                      && after > outage.start() + LEASE_MILLIS);
    }
  }

  private final KafkaConsumer<byte[], byte[]> consumer;
  private final String prefix;
  private final List<Entry> entries = new ArrayList<>();
  private final Map<Integer, Long> latest = new HashMap<>();

  /**
   * @param prefix what the ids of the documents begin with; others are left out
   */
  public ChaosTopic(String brokers, String topic, String prefix) {
    this.prefix = prefix;
    consumer = CommittedRecords.of(brokers, topic, new ByteArrayDeserializer());
  }

  /** Reads until nothing more comes for a while. */
  public void readToEnd() {
    int read;
    do {
      read = 0;
      for (ConsumerRecord<byte[], byte[]> record : consumer.poll(QUIET)) {
        if (new String(record.key(), UTF_8).startsWith(prefix)) {
          entries.add(entry(record));
        }
        read++;
      }
    } while (read > 0);
  }

  private Entry entry(ConsumerRecord<byte[], byte[]> record) {
    long before = latest.getOrDefault(record.partition(), 0L);
    latest.put(record.partition(), Math.max(before, record.timestamp()));
    return new Entry(
        new Identity(
            (int) number(record, RecordHeader.PARTITION),
            number(record, RecordHeader.SEQNO),
            number(record, RecordHeader.CAS)),
        record.timestamp(),
        before,
        record.partition() + "@" + record.offset());
  }

  private static long number(ConsumerRecord<byte[], byte[]> record, RecordHeader header) {
    Header found = record.headers().lastHeader(RecordHeaders.DEFAULT_PREFIX + header.label());
    if (found == null) {
      throw new IllegalStateException(
          "the record at " + record.partition() + "@" + record.offset() + " has no " + header);
    }
    return Long.parseUnsignedLong(new String(found.value(), UTF_8));
  }

  /** What was read so far. */
  public List<Entry> entries() {
    return entries;
  }

  @Override
  public void close() {
    consumer.close(Duration.ofSeconds(5));
  }
}
