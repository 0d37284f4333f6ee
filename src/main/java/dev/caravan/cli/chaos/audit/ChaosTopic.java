// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.caravan.cli.chaos.audit.ChaosOutage.OutageKind;
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
 * The committed records of a topic, in the order of their partitions, reduced to the values that an
 * audit needs. Not thread-safe.
 */
public final class ChaosTopic implements AutoCloseable {
  /** The value of {@code couchbase.headers} that a connector needs for an audit. */
  public static final String HEADERS =
      Stream.of(RecordHeader.PARTITION, RecordHeader.SEQNO, RecordHeader.CAS)
          .map(RecordHeader::label)
          .collect(Collectors.joining(","));

  private static final Duration QUIET = Duration.ofSeconds(2);

  /** The commit interval, plus the time of a commit. */
  private static final long UNCOMMITTED_MILLIS = 6_000;

  /** The time in which SIGSTOP takes effect. */
  private static final long CLOCK_MILLIS = 100;

  /** The shortest time after which another worker takes over from a suspended one. */
  private static final long LEASE_MILLIS = 6_000;

  /**
   * A record of the topic.
   *
   * @param timestamp the time of the send, in milliseconds since the epoch
   * @param after the latest timestamp of the earlier records in its partition
   * @param where the partition and the offset, for a message
   */
  public record AuditedRecord(Identity identity, long timestamp, long after, String where) {
    /**
     * Whether the record was in the send buffer of a worker that was suspended for so long that
     * another worker took over.
     */
    public boolean isOfZombie(List<ChaosOutage> outages) {
      return outages.stream()
          .anyMatch(
              outage ->
                  outage.kind() == OutageKind.SUSPENDED
                      && timestamp <= outage.start() + CLOCK_MILLIS
                      && timestamp > outage.start() - UNCOMMITTED_MILLIS
                      && after > outage.start() + LEASE_MILLIS);
    }
  }

  private final KafkaConsumer<byte[], byte[]> consumer;
  private final String prefix;
  private final List<AuditedRecord> entries = new ArrayList<>();
  private final Map<Integer, Long> latest = new HashMap<>();

  /**
   * @param prefix of the ids of the documents; other records are skipped
   */
  public ChaosTopic(String brokers, String topic, String prefix) {
    this.prefix = prefix;
    consumer = CommittedRecords.of(brokers, topic, new ByteArrayDeserializer());
  }

  /** Reads until no record arrives for 2 s. */
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

  private AuditedRecord entry(ConsumerRecord<byte[], byte[]> record) {
    long before = latest.getOrDefault(record.partition(), 0L);
    latest.put(record.partition(), Math.max(before, record.timestamp()));
    return new AuditedRecord(
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
          "The record at "
              + record.partition()
              + "@"
              + record.offset()
              + " has no header "
              + header);
    }
    return Long.parseUnsignedLong(new String(found.value(), UTF_8));
  }

  /** The records read so far. */
  public List<AuditedRecord> entries() {
    return entries;
  }

  @Override
  public void close() {
    consumer.close(Duration.ofSeconds(5));
  }
}
