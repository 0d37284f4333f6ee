// SPDX-License-Identifier: Apache-2.0
package dev.caravan.contract;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.caravan.cli.process.TopicCreator;
import dev.caravan.cli.process.WorkerApplication;
import dev.caravan.component.CouchbaseDcpMessage;
import dev.caravan.component.EventType;
import dev.caravan.contract.CouchbaseUnderTest.Credentials;
import dev.caravan.record.DocumentJson;
import dev.caravan.record.RecordConverter;
import dev.caravan.sandbox.TcpProxy;
import dev.caravan.testkit.Connectors;
import dev.caravan.testkit.Topic;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The contract of the component {@code couchbase-dcp} and of the worker's route to Kafka, for any
 * Couchbase. The official Java SDK writes the documents. Each test uses its own ids and ignores
 * other documents.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class CouchbaseContract {
  private static final int LARGEST_DOCUMENT = 20 * 1024 * 1024 - 1;

  /** The topic's limit, enough for a record of the largest document. */
  private static final int LARGEST_RECORD = 32 * 1024 * 1024;

  /** The client closes a connection after two noop intervals of 20 s without a message. */
  private static final Duration HALF_OPEN_NOTICED = Duration.ofSeconds(60);

  private CouchbaseUnderTest couchbase;
  private Documents documents;
  private TcpProxy proxy;
  private String prefix;

  abstract CouchbaseUnderTest startCouchbase() throws Exception;

  abstract KafkaUnderTest startKafka() throws Exception;

  @BeforeAll
  void start() throws Exception {
    couchbase = startCouchbase();
    documents = new Documents(couchbase);
    proxy = new TcpProxy(ClusterMapFilter::new).open(couchbase.host(), couchbase.port());
  }

  @AfterAll
  void stop() {
    documents.close();
    proxy.close();
    couchbase.close();
  }

  @BeforeEach
  void choosePrefix() {
    prefix = Long.toHexString(System.nanoTime()) + "-";
  }

  private String id(Object rest) {
    return prefix + rest;
  }

  private TestRoute read(String... options) throws Exception {
    return read(couchbase.login(), couchbase.bucket(), options);
  }

  private TestRoute read(Credentials login, String bucket, String... options) throws Exception {
    return new TestRoute(
        "couchbase-dcp:%s?connectionString=%s&username=RAW(%s)&password=RAW(%s)&retryBackoff=50ms&maxRetryBackoff=200ms&bootstrapTimeout=5s%s"
            .formatted(
                bucket,
                proxy.address(),
                login.username(),
                login.password(),
                Stream.of(options).map("&"::concat).reduce("", String::concat)),
        prefix);
  }

  /**
   * A document as an application may write it.
   *
   * @param ending of the id
   * @param isJson whether it is JSON in UTF-8
   */
  record Document(String what, String ending, byte[] value, boolean isJson) {
    boolean isUtf8() {
      return Arrays.equals(new String(value, UTF_8).getBytes(UTF_8), value);
    }

    @Override
    public String toString() {
      return what;
    }
  }

  static Stream<Document> awkwardDocuments() {
    byte[] everyByte = new byte[256];
    for (int i = 0; i < everyByte.length; i++) {
      everyByte[i] = (byte) i;
    }
    return Stream.of(
        new Document("0 bytes", "empty", new byte[0], false),
        new Document("1 byte", "byte", new byte[] {'x'}, false),
        new Document("1 byte of JSON", "digit", new byte[] {'7'}, true),
        new Document("20 MiB less one byte", "largest", jsonOf(LARGEST_DOCUMENT), true),
        new Document("every byte there is", "binary", everyByte, false),
        new Document("Latin-1 text in quotes", "latin1", "\"café\"".getBytes(ISO_8859_1), false),
        new Document(
            "half of a surrogate pair, in quotes",
            "surrogate",
            new byte[] {'"', (byte) 0xed, (byte) 0xa0, (byte) 0x80, '"'},
            false),
        new Document(
            "a value that compresses to a hundredth",
            "compressible",
            ("\"" + "all work and no play ".repeat(50_000) + "\"").getBytes(UTF_8),
            true),
        new Document(
            "JSON in several scripts", "ключ-鍵-🔑", "{\"ключ\":\"鍵 🔑\"}".getBytes(UTF_8), true));
  }

  /** A JSON text that does not compress well. */
  private static byte[] jsonOf(int size) {
    Random random = new Random(size);
    byte[] json = new byte[size];
    for (int i = 0; i < size; i++) {
      json[i] = (byte) ('a' + random.nextInt(26));
    }
    json[0] = '"';
    json[size - 1] = '"';
    return json;
  }

  /** The changes that a route receives. */
  @Nested
  class InARoute {
    @ParameterizedTest
    @MethodSource("dev.caravan.contract.CouchbaseContract#awkwardDocuments")
    void aDocumentArrivesByteForByte(Document document) throws Exception {
      documents.write(id(document.ending()), document.value());

      try (TestRoute reading = read()) {
        CouchbaseDcpMessage change = reading.awaitChanges(1).get(0);
        assertThat(change.getDocumentId()).isEqualTo(id(document.ending()));
        assertThat(change.getEventType()).isEqualTo(EventType.MUTATION);
        assertThat(change.getBody(byte[].class)).isEqualTo(document.value());
        // A server may also flag a value that is not UTF-8, such as half of a surrogate pair.
        assertThat(change.isJson() && document.isUtf8()).isEqualTo(document.isJson());
      } finally {
        documents.delete(id(document.ending()));
      }
    }

    @Test
    void anIdOf250BytesArrives() throws Exception {
      String start = id("ключ-🔑");
      int left = 250 - start.getBytes(UTF_8).length;
      String longest = start + "é".repeat(left / 2) + "e".repeat(left % 2);
      // The SDK counts the collection's prefix, and refuses it.
      try (KvWriter writer = new KvWriter(couchbase)) {
        writer.write(longest, "{}");
      }

      try (TestRoute reading = read()) {
        String arrived = reading.awaitChanges(1).get(0).getDocumentId();
        assertThat(arrived).isEqualTo(longest);
        assertThat(arrived.getBytes(UTF_8)).hasSize(250);
      }
    }

    @Test
    void deletionsAndExpirationsAreDistinguished() throws Exception {
      try (TestRoute reading = read("streamFrom=now").awaitStreaming()) {
        documents.write(id("deleted"), "1");
        documents.write(id("expired"), "2".getBytes(UTF_8), Duration.ofSeconds(1));
        documents.delete(id("deleted"));
        documents.awaitExpiry(id("expired"));

        List<CouchbaseDcpMessage> changes = reading.awaitChanges(4);
        assertThat(last(changes, id("deleted")).getEventType()).isEqualTo(EventType.DELETION);
        assertThat(last(changes, id("expired")).getEventType()).isEqualTo(EventType.EXPIRATION);
        assertThat(changes)
            .filteredOn(change -> change.getEventType() == EventType.MUTATION)
            .hasSize(2)
            .allSatisfy(change -> assertThat(change.getBody(byte[].class)).hasSize(1));
      }
    }

    @Test
    void extendedAttributesComeOnlyWhenAskedFor() throws Exception {
      documents.write(id("doc"), "{\"a\":1}");
      documents.writeXattr(id("doc"), "meta", Map.of("b", 2));

      try (TestRoute with = read("xattrs=true");
          TestRoute without = read()) {
        CouchbaseDcpMessage change = with.awaitChanges(1).get(0);
        assertThat(change.getXattrs()).containsExactly(Map.entry("meta", "{\"b\":2}"));
        assertThat(change.getBody(String.class)).isEqualTo("{\"a\":1}");
        CouchbaseDcpMessage plain = without.awaitChanges(1).get(0);
        assertThat(plain.getXattrs()).isEmpty();
        assertThat(plain.getBody(String.class)).isEqualTo("{\"a\":1}");
      }
    }

    @Test
    void aCompressedValueTravelsCompressedAndArrivesInflated() throws Exception {
      String text = "\"" + "all work and no play ".repeat(50_000) + "\"";
      try (TestRoute reading = read("streamFrom=now").awaitStreaming()) {
        long before = proxy.bytesFromServer();
        documents.write(id("doc"), text);

        assertThat(reading.awaitChanges(1).get(0).getBody(String.class)).isEqualTo(text);
        assertThat(proxy.bytesFromServer() - before).isLessThan(text.length() / 2);
      }
      try (TestRoute reading = read("compression=false")) {
        assertThat(reading.awaitChanges(1).get(0).getBody(String.class)).isEqualTo(text);
      }
    }

    @Test
    void collectionsAreDistinguishedAndSelected() throws Exception {
      String scope = "s" + prefix;
      couchbase.createCollections(scope, "red", "green", "blue");
      for (String collection : List.of("red", "green", "blue")) {
        documents.write(scope, collection, id("doc"), "\"" + collection + "\"");
      }

      try (TestRoute all = read();
          TestRoute two = read("collections=%1$s.red,%1$s.blue".formatted(scope))) {
        assertThat(all.awaitChanges(3))
            .allSatisfy(
                change -> {
                  assertThat(change.getScope()).isEqualTo(scope);
                  assertThat(change.getBody(String.class))
                      .isEqualTo('"' + change.getCollection() + '"');
                })
            .extracting(CouchbaseDcpMessage::getCollection)
            .containsExactlyInAnyOrder("red", "green", "blue");
        assertThat(two.awaitChanges(2))
            .extracting(CouchbaseDcpMessage::getCollection)
            .containsExactlyInAnyOrder("red", "blue");
      }
    }
  }

  private static CouchbaseDcpMessage last(List<CouchbaseDcpMessage> changes, String id) {
    return changes.stream()
        .filter(change -> change.getDocumentId().equals(id))
        .reduce((first, second) -> second)
        .orElseThrow();
  }

  /** Errors are reported, and no change is lost. */
  @Nested
  class InTrouble {
    @Test
    void aWrongPasswordIsNamed() throws Exception {
      Credentials wrong = new Credentials(couchbase.login().username(), "wr0ng-passw0rd");

      try (TestRoute reading = read(wrong, couchbase.bucket())) {
        reading.awaitTrouble("'" + wrong.username() + "'", "password is wrong");
        assertThat(reading.status().error().getMessage()).doesNotContain(wrong.password());
      }
    }

    @Test
    void aMissingBucketIsNamed() throws Exception {
      try (TestRoute reading = read(couchbase.login(), "no-such-bucket")) {
        reading.awaitTrouble("ucket 'no-such-bucket'", proxy.address());
      }
    }

    @Test
    void aUserWithoutRightsIsNamed() throws Exception {
      Credentials visitor = couchbase.withoutRights();

      try (TestRoute reading = read(visitor, couchbase.bucket())) {
        reading.awaitTrouble(
            "User '" + visitor.username() + "' may not read bucket '" + couchbase.bucket() + "'");
      }
    }

    @Test
    void aNodeThatIsDownAtTheStartIsNamedAndReadOnceItIsUp() throws Exception {
      documents.write(id("doc"), "1");
      proxy.goDown();
      try (TestRoute reading = read()) {
        reading.awaitTrouble(proxy.address(), "can't be reached");

        proxy.comeUp();

        reading.awaitChanges(1);
        reading.awaitStreaming();
        assertThat(reading.status().error()).isNull();
      }
    }

    @Test
    void connectionsThatBreakInTheMidstOfADocumentLoseNothing() throws Exception {
      int count = 1_000;
      byte[] value = new byte[10_000];
      new Random(2).nextBytes(value);
      for (int i = 0; i < count; i++) {
        documents.write(id(i), value);
      }

      int cutsBefore = proxy.cuts();
      proxy.cutAfter(1_000_000);
      try (TestRoute reading = read()) {
        for (int cut = 1; cut <= 4; cut++) {
          int cuts = cutsBefore + cut;
          await().until(() -> proxy.cuts() == cuts);
          proxy.cutAfter(1_234_567);
        }

        // At least once: broken connections may end the session, and a new session reads the
        // unacknowledged changes again.
        await()
            .atMost(Duration.ofSeconds(60))
            .untilAsserted(
                () ->
                    assertThat(
                            reading.changes().stream()
                                .map(CouchbaseDcpMessage::getDocumentId)
                                .distinct())
                        .hasSize(count));
        assertThat(reading.changes())
            .allSatisfy(change -> assertThat(change.getBody(byte[].class)).isEqualTo(value));
      }
    }

    @Test
    void aHalfOpenConnectionIsNoticedAndNothingIsLost() throws Exception {
      try (TestRoute reading = read("streamFrom=now").awaitStreaming()) {
        documents.write(id("before"), "1");
        reading.awaitChanges(1);
        proxy.halfOpen();
        documents.write(id("meanwhile"), "2");

        assertThat(reading.awaitChanges(2, HALF_OPEN_NOTICED))
            .extracting(CouchbaseDcpMessage::getDocumentId)
            .containsExactly(id("before"), id("meanwhile"));
        reading.awaitStreaming();
      }
    }
  }

  /** The records in the topic. */
  @Nested
  @TestInstance(TestInstance.Lifecycle.PER_CLASS)
  class InKafka {
    private static final ObjectMapper JSON =
        new ObjectMapper(
            JsonFactory.builder()
                .streamReadConstraints(
                    StreamReadConstraints.builder().maxStringLength(2 * LARGEST_DOCUMENT).build())
                .build());

    private KafkaUnderTest kafka;
    private WorkerApplication worker;
    private Connectors connectors;

    @BeforeAll
    void startWorker() throws Exception {
      kafka = startKafka();
      worker =
          WorkerApplication.startLocal(
              kafka.bootstrapServers(), "contract", Map.of("offset.storage.partitions", "4"));
      connectors = Connectors.ofPromptWorker(worker.url());
    }

    @AfterAll
    void stopWorker() {
      worker.close();
      kafka.close();
    }

    /** Creates a connector for the test and returns its topic. */
    private Topic copy(Map<String, String> options) throws Exception {
      connectors.create(prefix, couchbase.connector(prefix, proxy.address(), options));
      return new Topic(kafka.bootstrapServers(), prefix + couchbase.bucket());
    }

    @AfterEach
    void deleteConnector() throws Exception {
      connectors.delete(prefix);
    }

    @Test
    void everyDocumentIsARecordThatReadersOfJsonUnderstand() throws Exception {
      List<Document> written = awkwardDocuments().toList();
      for (Document document : written) {
        documents.write(id(document.ending()), document.value());
      }
      TopicCreator.create(
          kafka.bootstrapServers(),
          List.of(
              new NewTopic(prefix + couchbase.bucket(), 1, (short) 1)
                  .configs(Map.of("max.message.bytes", Integer.toString(LARGEST_RECORD)))));

      try (Topic topic = copy(Map.of())) {
        Map<String, ConsumerRecord<String, byte[]>> records = new HashMap<>();
        topic
            .awaitUntil(
                "all documents",
                all -> own(all).map(ConsumerRecord::key).distinct().count() == written.size())
            .forEach(record -> records.put(record.key(), record));
        for (Document document : written) {
          assertIsRecordOf(document, records.get(id(document.ending())));
        }
      } finally {
        for (Document document : written) {
          documents.delete(id(document.ending()));
        }
      }
    }

    private void assertIsRecordOf(Document document, ConsumerRecord<String, byte[]> record)
        throws Exception {
      String text = UTF_8.newDecoder().decode(ByteBuffer.wrap(record.value())).toString();
      JsonNode json = JSON.readTree(text);
      assertThat(json.get("bucket").textValue()).isEqualTo(couchbase.bucket());
      assertThat(json.get("document").textValue()).isEqualTo(id(document.ending()));
      JsonNode body = json.get("body");
      Header encoding = record.headers().lastHeader(RecordConverter.ENCODING_HEADER);
      if (document.value().length == 0) {
        assertThat(body.isNull()).as(document.what()).isTrue();
        assertThat(encoding).isNull();
      } else if (document.isJson()) {
        assertThat(body.equals(JSON.readTree(document.value()))).as(document.what()).isTrue();
        assertThat(encoding).isNull();
      } else {
        assertThat(body.binaryValue()).as(document.what()).isEqualTo(document.value());
        assertThat(new String(encoding.value(), UTF_8)).isEqualTo(DocumentJson.BASE64);
      }
    }

    private Stream<ConsumerRecord<String, byte[]>> own(
        List<ConsumerRecord<String, byte[]>> records) {
      return records.stream().filter(record -> record.key().startsWith(prefix));
    }

    @Test
    void aDocumentThatIsGoneIsATombstone() throws Exception {
      documents.write(id("deleted"), "1");
      documents.write(id("expired"), "2".getBytes(UTF_8), Duration.ofSeconds(2));
      try (Topic topic = copy(Map.of())) {
        topic.awaitUntil("both documents", all -> own(all).count() >= 2);
        documents.delete(id("deleted"));
        documents.awaitExpiry(id("expired"));

        List<ConsumerRecord<String, byte[]>> all =
            topic.awaitUntil(
                "two tombstones",
                records -> own(records).filter(record -> record.value() == null).count() == 2);
        for (String gone : List.of(id("deleted"), id("expired"))) {
          assertThat(own(all).filter(record -> record.key().equals(gone)))
              .extracting(record -> record.value() == null)
              .containsExactly(false, true);
        }
      }
    }

    @Test
    void tenThousandUpdatesOfADocumentArriveInOrderAndTheLastArrivesLast() throws Exception {
      int updates = 10_000;
      try (Topic topic = copy(Map.of())) {
        for (int i = 1; i <= updates; i++) {
          documents.write(id("doc"), Integer.toString(i));
        }

        // Couchbase may skip versions that were replaced before it sent them.
        List<ConsumerRecord<String, byte[]>> all =
            topic.awaitUntil(
                "the last version",
                records -> own(records).mapToInt(this::version).anyMatch(i -> i == updates));
        assertThat(own(all).mapToInt(this::version).boxed()).isSorted().doesNotHaveDuplicates();
      }
    }

    private int version(ConsumerRecord<String, byte[]> record) {
      try {
        return JSON.readTree(record.value()).get("body").intValue();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Test
    void aSlowKafkaMakesCouchbaseWait() throws Exception {
      int count = 400;
      int size = 20_000;
      int window = 65_536;
      try (Topic topic = copy(Map.of("couchbase.dcpConnectionBufferSize", "" + window));
          ProducerQuota quota = new ProducerQuota(kafka.bootstrapServers())) {
        documents.write(id("first"), "1");
        topic.awaitUntil("the first document", all -> own(all).findAny().isPresent());
        quota.limitProducers(500_000);
        long recordsBefore = topic.endOffset();
        long bytesBefore = proxy.bytesFromServer();
        for (int i = 0; i < count; i++) {
          documents.write(id(i), jsonOf(size));
        }

        await()
            .atMost(Duration.ofSeconds(30))
            .until(
                () -> {
                  long taken = proxy.bytesFromServer() - bytesBefore;
                  long published = topic.endOffset() - recordsBefore;
                  // The window may be exceeded by one document. Other messages count, too.
                  assertThat(taken).isLessThan((published + 1) * (size + 100) + window + 200_000);
                  return published > count / 4;
                });
        assertThat(topic.endOffset() - recordsBefore).isLessThan(count);
        quota.lift();
        topic.awaitUntil(
            "all documents",
            all -> own(all).map(ConsumerRecord::key).distinct().count() == count + 1);
      }
    }
  }
}
