// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.admin;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.caravan.sandbox.RawClient;
import dev.caravan.sandbox.Sandbox;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.testkit.Topic;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The HTTP commands that change a running sandbox. */
class AdminServerTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final HttpClient HTTP = HttpClient.newHttpClient();
  private static Sandbox sandbox;

  private Bucket bucket;

  @BeforeAll
  static void start() throws IOException {
    sandbox = Sandbox.builder().nodes(3).vbuckets(8).kvPort(0).kafkaPort(0).adminPort(0).start();
  }

  @AfterAll
  static void stop() {
    sandbox.close();
  }

  @BeforeEach
  void anew() throws Exception {
    for (int node = 0; node < 3; node++) {
      assertThat(post("start?node=" + node).statusCode()).isEqualTo(200);
    }
    assertThat(post("rebalance").statusCode()).isEqualTo(200);
    assertThat(post("recreate").statusCode()).isEqualTo(200);
    bucket = sandbox.cluster().bucket("default");
  }

  private static URI uri(String path) {
    return URI.create("http://127.0.0.1:" + sandbox.adminPort().getAsInt() + "/" + path);
  }

  private static HttpResponse<String> post(String path) throws Exception {
    return HTTP.send(
        HttpRequest.newBuilder(uri(path)).POST(HttpRequest.BodyPublishers.noBody()).build(),
        HttpResponse.BodyHandlers.ofString());
  }

  private static HttpResponse<String> get(String path) throws Exception {
    return HTTP.send(
        HttpRequest.newBuilder(uri(path)).build(), HttpResponse.BodyHandlers.ofString());
  }

  private static boolean listens(int node) throws IOException {
    CouchbaseNode asked = sandbox.cluster().node(node);
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(asked.host(), asked.port()));
      return true;
    } catch (ConnectException refused) {
      return false;
    }
  }

  @Test
  void aNodeIsFailedOverAndTakenInAgain() throws Exception {
    JsonNode after = JSON.readTree(post("failover?node=1").body());
    assertThat(after.at("/nodes/1/member").asBoolean()).isFalse();
    assertThat(after.at("/nodes/1/running").asBoolean()).isTrue();
    assertThat(sandbox.cluster().members()).containsExactly(0, 2);
    after = JSON.readTree(post("rebalance").body());
    assertThat(after.at("/nodes/1/member").asBoolean()).isTrue();
    post("rebalance?node=0,1");
    assertThat(sandbox.cluster().members()).containsExactly(0, 1);
  }

  @Test
  void aLossyFailoverIsInTheHistory() throws Exception {
    bucket.upsert("a", "1");
    int active = bucket.nodeOf(bucket.vbucketOf("a"));
    int replica = bucket.map().chain(bucket.vbucketOf("a")).get(1);
    assertThat(post("lag?node=" + replica).statusCode()).isEqualTo(200);
    bucket.upsert("a", "2");
    assertThat(post("failover?node=" + active).statusCode()).isEqualTo(200);
    HttpResponse<String> history = get("history?bucket=default");
    assertThat(history.headers().firstValue("Content-Type")).hasValue("application/x-ndjson");
    List<JsonNode> last = history.body().lines().map(AdminServerTest::parsed).toList();
    last = last.subList(last.size() - 2, last.size());
    assertThat(last.get(0).get("lost").asBoolean()).isFalse();
    JsonNode lost = last.get(1);
    assertThat(lost.get("lost").asBoolean()).isTrue();
    assertThat(lost.get("key").asText()).isEqualTo("a");
    assertThat(lost.get("op").asText()).isEqualTo("mutation");
    assertThat(lost.get("seqno").asLong()).isEqualTo(2);
    assertThat(lost.get("vbucket").asInt()).isEqualTo(bucket.vbucketOf("a"));
    assertThat(lost.get("vbuuid").asLong()).isEqualTo(last.get(0).get("vbuuid").asLong());
  }

  private static JsonNode parsed(String line) {
    try {
      return JSON.readTree(line);
    } catch (IOException e) {
      throw new IllegalStateException(line, e);
    }
  }

  @Test
  void aFailoverMayLoseWhatWasWrittenInItsLastMoments() throws Exception {
    HttpResponse<String> answer = post("failover?node=0&ms=10");
    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(sandbox.cluster().members()).doesNotContain(0);
  }

  @Test
  void aNodeIsStoppedAndStarted() throws Exception {
    assertThat(post("stop?node=2").body()).contains("\"running\":false");
    assertThat(listens(2)).isFalse();
    post("start?node=2");
    assertThat(listens(2)).isTrue();
  }

  @Test
  void connectionsAreCutDelayedAndLeftHalfOpen() throws Exception {
    CouchbaseNode node = sandbox.cluster().node(0);
    try (RawClient raw = RawClient.ready(node, "default")) {
      assertThat(post("delay?node=0&ms=200").statusCode()).isEqualTo(200);
      long start = System.nanoTime();
      raw.call(0xb5, "", "");
      assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofMillis(190));
      assertThat(post("delay?ms=0").statusCode()).isEqualTo(200);
      assertThat(post("half-open?node=0").statusCode()).isEqualTo(200);
      assertThat(post("cut").statusCode()).isEqualTo(200);
      assertThat(raw.isClosedByNode()).isTrue();
    }
  }

  @Test
  void tombstonesArePurgedAndBucketsFlushed() throws Exception {
    bucket.upsert("a", "1");
    bucket.delete("a");
    bucket.upsert("a", "2");
    assertThat(post("purge?bucket=default").statusCode()).isEqualTo(200);
    assertThat(post("flush").body()).contains("\"documents\":0");
    assertThat(bucket.highSeqno(bucket.vbucketOf("a"))).isZero();
  }

  @Test
  void diskAndReplicationStopAndGoOn() throws Exception {
    for (String command : List.of("disk-stop", "disk-start", "lag", "catch-up")) {
      assertThat(post(command + "?node=1").statusCode()).as(command).isEqualTo(200);
    }
  }

  @Test
  void aKilledNodeLosesWhatItHadNotPersisted() throws Exception {
    bucket.upsert("a", "1");
    int active = bucket.nodeOf(bucket.vbucketOf("a"));
    post("disk-stop?node=" + active);
    bucket.upsert("a", "2");
    assertThat(post("crash?node=" + active).statusCode()).isEqualTo(200);
    assertThat(bucket.highSeqno(bucket.vbucketOf("a"))).isEqualTo(1);
    assertThat(bucket.nodeOf(bucket.vbucketOf("a"))).isEqualTo(active);
    assertThat(listens(active)).isTrue();
  }

  @Test
  void aReplicaIsMadeActiveWithAPartOfWhatItLacked() throws Exception {
    bucket.upsert("a", "1");
    int vbucket = bucket.vbucketOf("a");
    int replica = bucket.map().chain(vbucket).get(1);
    post("lag?node=" + replica);
    bucket.upsert("a", "2");
    bucket.delete("a");
    bucket.upsert(sibling("a"), "1");
    assertThat(post("catch-up?node=" + replica + "&changes=1").statusCode()).isEqualTo(200);
    assertThat(post("failover?node=" + bucket.nodeOf(vbucket)).statusCode()).isEqualTo(200);
    assertThat(bucket.highSeqno(vbucket)).as("the deletion of a").isEqualTo(3);
  }

  private String sibling(String document) {
    for (int i = 0; ; i++) {
      if (bucket.vbucketOf("sibling-" + i) == bucket.vbucketOf(document)) {
        return "sibling-" + i;
      }
    }
  }

  @Test
  void streamsAreHeldAndReleased() throws Exception {
    int vbucket = bucket.vbucketOf("a");
    CouchbaseNode node = sandbox.cluster().node(bucket.nodeOf(vbucket));
    try (RawClient client = RawClient.dcp(node, "default", 1, RawClient.dcpFeatures())) {
      client.stream(vbucket, 0, -1);
      assertThat(post("hold?vbucket=" + vbucket).statusCode()).isEqualTo(200);
      bucket.upsert("a", "1");
      bucket.upsert("a", "2");
      bucket.upsert(sibling("a"), "1");
      assertThat(client.arrived()).isEmpty();
      assertThat(post("release?vbucket=" + vbucket + "&seqno=2").statusCode()).isEqualTo(200);
      assertThat(client.arrivedWords())
          .satisfiesExactly(
              w -> assertThat(w).contains("SNAPSHOT_MARKER v1 0-3"),
              w -> assertThat(w).contains("MUTATION seq=2"));
      assertThat(post("release?vbucket=" + vbucket).statusCode()).isEqualTo(200);
      assertThat(client.arrivedWords())
          .satisfiesExactly(w -> assertThat(w).contains("MUTATION seq=3"));
    }
  }

  @Test
  void oneNodeAloneIsWithoutItsBucketOrRefusesClients() throws Exception {
    CouchbaseNode node = sandbox.cluster().node(1);
    assertThat(post("unload?node=1").statusCode()).isEqualTo(200);
    try (RawClient client = new RawClient(node)) {
      client.plain("Administrator", "password");
      assertThat(client.select("default").status()).isEqualTo(0x01);
    }
    assertThat(post("load?node=1").statusCode()).isEqualTo(200);
    assertThat(post("refuse?node=1&what=access").statusCode()).isEqualTo(200);
    try (RawClient client = new RawClient(node)) {
      client.hello(0x07);
      client.plain("Administrator", "password");
      assertThat(client.select("default").status()).isEqualTo(0x24);
    }
    assertThat(post("refuse?node=1&what=nothing").statusCode()).isEqualTo(200);
    RawClient.ready(node, "default").close();
    assertThat(post("gather?ms=1").statusCode()).isEqualTo(200);
  }

  /** docs/sandbox.md has all commands that there are, and no others. */
  @Test
  void theCommandsAreDocumented() throws Exception {
    String answer = JSON.readTree(post("explode").body()).get("error").asText();
    String known = answer.replaceAll("^.*; there are |, and to GET .*$", "");
    Pattern name = Pattern.compile("`([^`]+)`");
    List<String> documented =
        Files.readAllLines(Path.of("docs/sandbox.md")).stream()
            .filter(line -> line.startsWith("| `"))
            .flatMap(line -> name.matcher(line.substring(0, line.indexOf(" | "))).results())
            .map(result -> result.group(1))
            .sorted()
            .toList();
    assertThat(String.join(", ", documented)).isEqualTo(known);
  }

  @Test
  void theBrokerKeepsItsPortAndDataWhenItStops() throws Exception {
    String address = sandbox.kafkaAddress();
    Map<String, Object> settings = Map.of("bootstrap.servers", address);
    try (var producer =
        new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
      producer.send(new ProducerRecord<>("kept", "key", "value")).get(30, TimeUnit.SECONDS);
    }
    assertThat(post("broker/stop").statusCode()).isEqualTo(200);
    assertThat(post("broker/start").statusCode()).isEqualTo(200);
    assertThat(sandbox.kafkaAddress()).isEqualTo(address);
    try (Topic topic = new Topic(address, "kept")) {
      assertThat(topic.awaitRecords(1).get(0).key()).isEqualTo("key");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "explode           | 404 | there is no command \"explode\"; there are broker/start,",
        "stop              | 400 | \"node\" is missing; give it as ?node=1",
        "stop?node=x       | 400 | \"node\" must be a whole number from 0 on, was \"x\"",
        "stop?node=7       | 400 | there is no node 7; the nodes are 0 to 2",
        "hold?vbucket=8    | 400 | there is no vBucket 8; the vBuckets are 0 to 7",
        "refuse?node=0     | 400 | \"what\" must be one of nothing, login, access, was \"\"",
        "flush?bucket=none | 400 | there is no bucket \"none\"",
        "rebalance?node=9  | 400 | there is no node 9"
      })
  void aWrongCommandIsExplained(String path, int status, String message) throws Exception {
    HttpResponse<String> answer = post(path);
    assertThat(answer.statusCode()).isEqualTo(status);
    assertThat(JSON.readTree(answer.body()).get("error").asText()).startsWith(message);
  }

  @Test
  void aCommandThatIsNotPossibleNowIsRefused() throws Exception {
    post("failover?node=1");
    HttpResponse<String> again = post("failover?node=1");
    assertThat(again.statusCode()).isEqualTo(409);
    assertThat(again.body()).contains("node 1 is not in the cluster");
    assertThat(get("flush").statusCode()).isEqualTo(405);
  }

  @Test
  void theStatusNamesWhatThereIs() throws Exception {
    JsonNode status = JSON.readTree(get("status").body());
    assertThat(status.get("nodes")).hasSize(3);
    assertThat(status.get("kafka").asText()).isEqualTo(sandbox.kafkaAddress());
    assertThat(status.at("/buckets/0/bucket").asText()).isEqualTo("default");
  }
}
