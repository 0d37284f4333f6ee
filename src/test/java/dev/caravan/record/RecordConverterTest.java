// SPDX-License-Identifier: Apache-2.0
package dev.caravan.record;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.sandbox.kv.bucket.Mutation;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.camel.CamelContext;
import org.apache.camel.Message;
import org.apache.camel.Processor;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.component.kafka.KafkaConstants;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.support.DefaultExchange;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Records of documents that a node sends over DCP. */
class RecordConverterTest {
  private static final byte[] BINARY = {(byte) 0xff, 0, 1, (byte) 0xc3};
  private static final byte[] HALF_OF_A_SURROGATE_PAIR = {
    '"', (byte) 0xed, (byte) 0xa0, (byte) 0x80, '"'
  };

  /** Couchbase flags this document as JSON: it does not check the content of strings. */
  private static final byte[] HALF_OF_A_SURROGATE_PAIR_IN_AN_OBJECT = {
    '{', '"', 'a', '"', ':', '"', (byte) 0xed, (byte) 0xa0, (byte) 0x80, '"', '}'
  };

  private static final int RECORDS = 11;

  private static CouchbaseNode node;
  private static Mutation expiring;

  @BeforeAll
  static void start() throws Exception {
    node = CouchbaseNode.builder().port(0).vbuckets(4).bucket("travel").start();
    Bucket bucket = node.bucket("travel");
    bucket.upsert("json", "{ \"name\" : \"40-Mile Air\" }");
    bucket.upsert("number", "7");
    bucket.upsert("unicode-é中\"", "{\"city\":\"Zürich\"}");
    bucket.defaultCollection().upsert("binary", BINARY, 0);
    bucket.upsert("text", "just a string");
    bucket.upsert(
        "utf-16", new String("{}".getBytes(java.nio.charset.StandardCharsets.UTF_16LE), UTF_8));
    bucket.defaultCollection().upsert("half-pair", HALF_OF_A_SURROGATE_PAIR, 0);
    bucket.defaultCollection().upsert("half-in-json", HALF_OF_A_SURROGATE_PAIR_IN_AN_OBJECT, 0);
    bucket.upsert("empty", "");
    bucket.upsert("deleted", "{}");
    bucket.delete("deleted");
    expiring = bucket.defaultCollection().upsert("expires", "{}".getBytes(UTF_8), 4102444800L);
  }

  @AfterAll
  static void stop() {
    node.close();
  }

  @ParameterizedTest(name = "in exchanges of up to {0}")
  @ValueSource(ints = {1, 100})
  void writesJsonWithTheDocumentAsItIs(int batchSize) throws Exception {
    Map<String, Message> records = convert(new RecordConverter("dcp-"), batchSize);

    assertThat(value(records, "json"))
        .isEqualTo(
            "{\"bucket\":\"travel\",\"document\":\"json\",\"body\":{ \"name\" : \"40-Mile Air\""
                + " }}");
    assertThat(value(records, "number")).endsWith(",\"body\":7}");
    assertThat(
            new ObjectMapper().readTree(value(records, "unicode-é中\"")).path("document").asText())
        .isEqualTo("unicode-é中\"");
    assertThat(value(records, "empty")).endsWith(",\"body\":null}");
    assertThat(records.values())
        .allSatisfy(
            record ->
                assertThat(record.getHeader(KafkaConstants.OVERRIDE_TOPIC))
                    .isEqualTo("dcp-travel"));
  }

  @Test
  void encodesDocumentsThatAreNotJsonWithoutLoss() throws Exception {
    Map<String, Message> records = convert(new RecordConverter(""), 100);

    for (Map.Entry<String, byte[]> document :
        Map.of(
                "binary",
                BINARY,
                "text",
                "just a string".getBytes(UTF_8),
                "half-pair",
                HALF_OF_A_SURROGATE_PAIR,
                "half-in-json",
                HALF_OF_A_SURROGATE_PAIR_IN_AN_OBJECT)
            .entrySet()) {
      Message record = records.get(document.getKey());
      String body =
          new ObjectMapper().readTree(value(records, document.getKey())).path("body").asText();
      assertThat(Base64.getDecoder().decode(body)).isEqualTo(document.getValue());
      assertThat(record.getHeaders()).containsEntry("caravan.body.encoding", "base64");
    }
    assertThat(records.get("utf-16").getHeaders()).containsKey("caravan.body.encoding");
    assertThat(records.get("json").getHeaders()).isEmpty();
  }

  @Test
  void writesATombstoneForADeletion() throws Exception {
    Message tombstone = convert(new RecordConverter(""), 1).get("deleted");

    assertThat(tombstone.getBody()).isNull();
  }

  @Test
  void writesAvroOfTheNamedSchemaWithARegistry() throws Exception {
    try (TestRegistry registry = TestRegistry.start()) {
      RecordFormat avro =
          new DocumentAvro("com.example.Airline", new SchemaRegistry(registry.url() + "/"));
      Map<String, Message> records =
          convert(new RecordConverter("avro-", avro, RecordHeaders.NONE), 100);

      Schema schema = new Schema.Parser().parse(registry.schema("avro-travel-value"));
      assertThat(schema.getFullName()).isEqualTo("com.example.Airline");
      GenericRecord json = decode(schema, records.get("json"));
      assertThat(json.get("bucket")).hasToString("travel");
      assertThat(json.get("document")).hasToString("json");
      assertThat(json.get("body")).hasToString("{ \"name\" : \"40-Mile Air\" }");
      assertThat(decode(schema, records.get("text")).get("body")).hasToString("just a string");
      assertThat(decode(schema, records.get("binary")).get("body"))
          .hasToString(Base64.getEncoder().encodeToString(BINARY));
      assertThat(records.get("binary").getHeaders())
          .containsEntry("caravan.body.encoding", "base64");
      assertThat(decode(schema, records.get("half-in-json")).get("body"))
          .hasToString(Base64.getEncoder().encodeToString(HALF_OF_A_SURROGATE_PAIR_IN_AN_OBJECT));
      assertThat(records.get("half-in-json").getHeaders())
          .containsEntry("caravan.body.encoding", "base64");
    }
  }

  @Test
  void saysThatTheRegistryCantBeReachedWithoutItsPassword() {
    SchemaRegistry registry = new SchemaRegistry("http://user:secret@127.0.0.1:1/api");

    assertThatThrownBy(() -> registry.register("t-value", "\"string\""))
        .hasMessageContaining("http://127.0.0.1:1/api cannot be reached")
        .hasMessageNotContaining("secret");
    assertThatThrownBy(() -> new SchemaRegistry("user:secret@registry"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageNotContaining("secret");
  }

  /** The names and values of the official connector: see records-raw-headers.txt. */
  @Test
  void addsTheConfiguredHeaders() throws Exception {
    RecordHeaders all = new RecordHeaders("couchbase.", List.of(RecordHeader.values()));

    Map<String, Message> records = convert(new RecordConverter("", new DocumentJson(), all), 100);

    Bucket bucket = node.bucket("travel");
    int vbucket = bucket.vbucketOf("expires");
    Map<String, Object> headers = records.get("expires").getHeaders();
    assertThat(headers)
        .containsEntry("couchbase.bucket", "travel")
        .containsEntry("couchbase.scope", "_default")
        .containsEntry("couchbase.collection", "_default")
        .containsEntry("couchbase.key", "expires")
        .containsEntry("couchbase.qualifiedKey", "_default._default.expires")
        .containsEntry("couchbase.cas", Long.toUnsignedString(expiring.cas()))
        .containsEntry("couchbase.partition", Integer.toString(vbucket))
        .containsEntry("couchbase.partitionUuid", Long.toUnsignedString(bucket.vbuuid(vbucket)))
        .containsEntry("couchbase.seqno", Long.toString(expiring.seqno()))
        .containsEntry("couchbase.rev", "1")
        .containsEntry("couchbase.expiry", "4102444800")
        .containsEntry("couchbase.event", "mutation");
    assertThat(records.get("deleted").getHeaders())
        .containsEntry("couchbase.event", "deletion")
        .containsEntry("couchbase.rev", "2")
        .doesNotContainKey("couchbase.expiry");
    assertThat(records.get("binary").getHeaders())
        .containsEntry("caravan.body.encoding", "base64")
        .containsEntry("couchbase.key", "binary");
  }

  /** A format of somebody's own that can't do anything with one of the documents. */
  private static RecordFormat choosy() {
    RecordFormat json = new DocumentJson();
    return (mutation, topic) -> {
      if (mutation.getDocumentId().equals("text")) {
        throw new IllegalStateException("no text, please");
      }
      return json.write(mutation, topic);
    };
  }

  @ParameterizedTest(name = "in exchanges of up to {0}")
  @ValueSource(ints = {1, 100})
  void sendsADocumentThatCannotBeConvertedToTheDeadLetterQueue(int batchSize) throws Exception {
    RecordConverter converter =
        new RecordConverter("", choosy(), RecordHeaders.NONE)
            .withDeadLetterQueue(new DeadLetterQueue("dead", "golden", 3, true));

    Map<String, Message> records = convert(converter, batchSize);

    Message dead = records.get("text");
    assertThat(dead.getHeader(KafkaConstants.OVERRIDE_TOPIC)).isEqualTo("dead");
    assertThat(value(records, "text")).isEqualTo("just a string");
    assertThat(dead.getHeaders())
        .containsEntry("couchbase.key", "text")
        .containsKeys("couchbase.partition", "couchbase.seqno")
        .containsEntry("__connect.errors.connector.name", "golden")
        .containsEntry("__connect.errors.task.id", "3")
        .containsEntry("__connect.errors.exception.message", "no text, please");
    assertThat(records.get("json").getHeader(KafkaConstants.OVERRIDE_TOPIC)).isEqualTo("travel");
  }

  @ParameterizedTest(name = "in exchanges of up to {0}")
  @ValueSource(ints = {1, 100})
  void skipsADocumentThatCannotBeConvertedWithoutATopic(int batchSize) throws Exception {
    RecordConverter converter =
        new RecordConverter("", choosy(), RecordHeaders.NONE)
            .withDeadLetterQueue(new DeadLetterQueue("", "golden", 3, true));

    assertThat(convert(converter, batchSize, RECORDS - 1)).doesNotContainKey("text");
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void namesADocumentThatCannotBeConverted(boolean isNestedTooDeep) throws Exception {
    RecordConverter converter =
        new RecordConverter("", isNestedTooDeep ? recursive() : choosy(), RecordHeaders.NONE);
    AtomicReference<Exception> failure = new AtomicReference<>();

    convert(
        exchange -> {
          try {
            converter.process(exchange);
          } catch (Exception e) {
            failure.set(e);
            throw e;
          }
        },
        100,
        records -> failure.get() != null);

    assertThat(failure.get())
        .hasMessageContaining("Document \"text\" (bucket \"travel\", vBucket ")
        .hasMessageContaining(isNestedTooDeep ? "StackOverflowError" : "no text, please");
  }

  /** A format that walks through a document with a method that calls itself. */
  private static RecordFormat recursive() {
    RecordFormat json = new DocumentJson();
    return (mutation, topic) -> {
      if (mutation.getDocumentId().equals("text")) {
        throw new StackOverflowError();
      }
      return json.write(mutation, topic);
    };
  }

  @Test
  void refusesOtherMessages() {
    DefaultExchange exchange = new DefaultExchange(new DefaultCamelContext());
    exchange.getMessage().setBody("text");

    assertThatThrownBy(() -> new RecordConverter("").process(exchange))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("directly after the couchbase-dcp endpoint");
  }

  private static Map<String, Message> convert(RecordConverter converter, int batchSize)
      throws Exception {
    return convert(converter, batchSize, RECORDS);
  }

  private static Map<String, Message> convert(RecordConverter converter, int batchSize, int count)
      throws Exception {
    return convert(converter, batchSize, records -> records.size() == count);
  }

  private static Map<String, Message> convert(
      Processor converter, int batchSize, Predicate<Map<String, Message>> complete)
      throws Exception {
    Map<String, Message> records = new ConcurrentHashMap<>();
    CamelContext context = new DefaultCamelContext();
    try {
      context.addRoutes(
          new RouteBuilder() {
            @Override
            public void configure() {
              from("couchbase-dcp:travel?connectionString="
                      + node.host()
                      + ":"
                      + node.port()
                      + "&username=Administrator&password=password&batchSize="
                      + batchSize)
                  .process(converter)
                  .process(exchange -> collect(exchange.getMessage(), records));
            }
          });
      context.start();
      await().atMost(Duration.ofSeconds(30)).until(() -> complete.test(records));
    } finally {
      context.stop();
    }
    return records;
  }

  private static void collect(Message message, Map<String, Message> records) {
    List<?> all = message.getBody() instanceof List<?> batch ? batch : List.of(message);
    for (Object record : all) {
      byte[] key = ((Message) record).getHeader(KafkaConstants.KEY, byte[].class);
      records.put(new String(key, UTF_8), (Message) record);
    }
  }

  private static String value(Map<String, Message> records, String id) {
    return new String((byte[]) records.get(id).getBody(), UTF_8);
  }

  private static GenericRecord decode(Schema schema, Message record) throws Exception {
    ByteBuffer value = ByteBuffer.wrap((byte[]) record.getBody());
    assertThat(value.get()).isZero();
    assertThat(value.getInt()).isPositive();
    return new GenericDatumReader<GenericRecord>(schema)
        .read(
            null,
            DecoderFactory.get()
                .binaryDecoder(value.array(), value.position(), value.remaining(), null));
  }
}
