// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.RawClient;
import dev.caravan.sandbox.RawClient.Frame;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.auth.Privilege;
import dev.caravan.sandbox.kv.protocol.Status;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Sections 01 to 05 of answers-protocol.txt: hello, authentication, bucket, cluster map, DCP open.
 */
class HandshakeTest {
  private static final String START_OF_THE_ERROR_MAP =
      "{\"errors\":{\"0\":{\"attrs\":[\"success\"],\"desc\":\"Success\",\"name\":\"SUCCESS\"},"
          + "\"1\":{\"attrs\":[\"item-only\"],\"desc\":\"Not Found\",\"name\":\"KEY_ENOENT\"},"
          + "\"1f\":{\"attrs\":[\"conn-state-invalidated\",\"auth\"],"
          + "\"desc\":\"Reauthentication required\",\"name\":\"AUTH_STALE\"},"
          + "\"2\":{\"attrs\":[\"item-only\"],\"desc\":\"key already exists, or CAS mismatch\","
          + "\"name\":\"KEY_EEXISTS\"},"
          + "\"20\":{\"attrs\":[\"conn-state-invalidated\",\"auth\"],"
          + "\"desc\":\"Authentication failed\",\"name\":\"AUTH_ERROR\"},"
          + "\"21\":{\"attrs\":[\"special-handling\"],"
          + "\"desc\":\"Continue authentication processs\",\"name\":\"AUTH_CONTINUE\"},"
          + "\"22\":{\"attrs\":[\"invalid-input\"],\"desc\":\"Invalid range requested";
  private static CouchbaseNode node;
  private RawClient client;

  @BeforeAll
  static void start() throws Exception {
    node =
        CouchbaseNode.builder()
            .vbuckets(64)
            .bucket("default")
            .bucket("probe")
            .user("reader", "secret")
            .grant("reader", "probe", EnumSet.of(Privilege.READ, Privilege.META_READ))
            .user("nobody", "secret")
            .user("anywhere", "secret")
            .grant("anywhere", "*", Set.of(Privilege.READ))
            .start();
  }

  @AfterAll
  static void stop() {
    node.close();
  }

  @BeforeEach
  void connect() throws IOException {
    client = new RawClient(node);
  }

  @AfterEach
  void disconnect() throws IOException {
    client.close();
  }

  /** 01: VERSION, GET, SELECT_BUCKET, GET_CLUSTER_CONFIG, DCP_OPEN, NOOP and an unknown opcode. */
  @Test
  void beforeLoginEverythingElseIsRefusedAndTheConnectionStays() throws IOException {
    for (int opcode : new int[] {0x0b, 0x00, 0x89, 0xb5, 0x50, 0x0a, 0xe9}) {
      Frame refused = client.call(opcode, "", "");
      assertThat(refused.status()).as("opcode 0x%x", opcode).isEqualTo(0x24);
      assertThat(refused.value()).isEmpty();
    }
    assertThat(client.plain("Administrator", "password").status()).isZero();
  }

  /** 01: "HELLO all features". */
  @Test
  void helloGrantsWhatARealNodeGrants() throws IOException {
    int[] wanted = new int[0x20];
    for (int i = 0; i < wanted.length; i++) {
      // Descending, and without TCPDELAY, which doesn't go with TCPNODELAY.
      wanted[i] = 0x20 - i == 0x05 ? 0 : 0x20 - i;
    }
    assertThat(features(client.hello(wanted)))
        .containsExactly(
            0x03, 0x04, 0x06, 0x07, 0x08, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12,
            0x14, 0x15, 0x16, 0x17, 0x18, 0x19);
    assertThat(features(client.hello())).as("HELLO no features").isEmpty();
  }

  /** 01: "HELLO TCPNODELAY+TCPDELAY", "HELLO ClustermapChangeNotification without Duplex". */
  @Test
  void helloRefusesContradictions() throws IOException {
    assertThat(client.hello(0x03, 0x05))
        .satisfies(
            f ->
                assertThat(f.text())
                    .isEqualTo(
                        "{\"error\":{\"context\":\"TCPNODELAY cannot co-exist with TCPDELAY\"}}"))
        .extracting(Frame::status, Frame::datatype)
        .containsExactly(0x04, 0);
    assertThat(client.hello(0x0d).text())
        .isEqualTo("{\"error\":{\"context\":\"Clustermap change notification needs Duplex\"}}");
  }

  /** 01: "GET_ERROR_MAP v1", "v2", "v99"; couchbase-kv/README.md "Error map": v0 is not found. */
  @Test
  void theErrorMapNamesTheStatuses() throws IOException {
    assertThat(errorMap(1).text()).startsWith(START_OF_THE_ERROR_MAP);
    assertThat(errorMap(1).text()).endsWith(",\"revision\":5,\"version\":1}");
    assertThat(errorMap(2).text()).startsWith(START_OF_THE_ERROR_MAP);
    assertThat(errorMap(2).text()).endsWith(",\"revision\":1,\"version\":2}");
    assertThat(errorMap(2).text().split("\"name\":")).as("66 errors").hasSize(67);
    for (Status status : Status.values()) {
      assertThat(errorMap(2).text())
          .contains("\"" + Integer.toHexString(status.code()) + "\":{\"attrs\":");
    }
    assertThat(errorMap(99).value()).isEqualTo(errorMap(2).value());
    assertThat(errorMap(1).datatype()).isEqualTo(1);
    assertThat(errorMap(0).status()).isEqualTo(0x01);
  }

  private Frame errorMap(int version) throws IOException {
    return client.call(
        0xfe, 0, 0, "", "", ByteBuffer.allocate(2).putShort((short) version).array());
  }

  /** 01: "SASL_LIST_MECHS". */
  @Test
  void theMechanismsAreListed() throws IOException {
    assertThat(client.call(0x20, "", "").text())
        .isEqualTo("SCRAM-SHA512 SCRAM-SHA256 SCRAM-SHA1 PLAIN");
  }

  /** 02: "PLAIN wrong password", "PLAIN unknown user", "PLAIN good on the same connection". */
  @Test
  void aWrongPasswordAndAnUnknownUserLookTheSameAndMayTryAgain() throws IOException {
    assertThat(client.plain("Administrator", "wrong").text()).as("no XERROR").contains("\"ref\"");
    client.hello(0x07);
    for (Frame refused :
        List.of(client.plain("Administrator", "wrong"), client.plain("stranger", "x"))) {
      assertThat(refused.status()).isEqualTo(0x20);
      assertThat(refused.text()).matches("\\{\"error\":\\{\"ref\":\"[0-9a-f-]{36}\"}}");
      assertThat(refused.datatype()).isZero();
    }
    client.hello(0x07, 0x0b);
    assertThat(client.plain("Administrator", "wrong").datatype()).isEqualTo(1);
    assertThat(client.plain("Administrator", "password").status()).isZero();
    assertThat(client.plain("Administrator", "password").status()).as("again").isZero();
  }

  /** 02: "PLAIN malformed", "PLAIN empty", "unknown mechanism", "SASL_STEP without start". */
  @Test
  void malformedAuthenticationIsToldApart() throws IOException {
    assertThat(client.call(0x21, "PLAIN", "user and password").status()).isEqualTo(0x04);
    assertThat(client.call(0x21, "PLAIN", "").status()).isEqualTo(0x04);
    Frame unknown = client.call(0x21, "FOO", "x");
    assertThat(unknown.status()).isEqualTo(0x20);
    assertThat(unknown.text())
        .isEqualTo(
            "{\"error\":{\"context\":\"Requested mechanism \\\"FOO\\\" is not supported\"}}");
    Frame step = client.call(0x22, "SCRAM-SHA512", "x");
    assertThat(step.status()).isEqualTo(0x04);
    assertThat(step.text()).contains("start with SASL START before sending SASL STEP");
  }

  /** 02: "AUTH while a SCRAM conversation is pending". */
  @Test
  void anotherLoginDuringScramIsRefused() throws IOException {
    assertThat(client.call(0x21, "SCRAM-SHA512", "n,,n=reader,r=abcdef").status()).isEqualTo(0x21);
    Frame refused = client.plain("reader", "secret");
    assertThat(refused.status()).isEqualTo(0x04);
    assertThat(refused.text()).contains("expects SASL STEP after returning CONTINUE");
  }

  /**
   * 02: "SCRAM-SHA512 first message, good user", "first message, unknown user", "final with bad
   * proof".
   */
  @Test
  void scramDoesNotTellWhetherAUserExists() throws IOException {
    String salt = saltOf("stranger");
    assertThat(saltOf("stranger")).as("the same at every try").isEqualTo(salt);
    assertThat(saltOf("other stranger")).isNotEqualTo(salt);
    assertThat(saltOf("reader")).isNotEqualTo(salt);
  }

  /** Takes the challenge, then fails the exchange with a bad proof. */
  private String saltOf(String user) throws IOException {
    Frame challenge = client.call(0x21, "SCRAM-SHA512", "n,,n=" + user + ",r=abcdef");
    assertThat(challenge.status()).isEqualTo(0x21);
    String iterations = user.equals("reader") ? ",i=4000" : ",i=4096";
    assertThat(challenge.text()).startsWith("r=abcdef").endsWith(iterations);
    String[] parts = challenge.text().split(",");
    Frame refused = client.call(0x22, "SCRAM-SHA512", "c=biws," + parts[0] + ",p=AAAA");
    assertThat(refused.status()).isEqualTo(0x20);
    return parts[1];
  }

  /** 03: missing, empty, without access, missing without access, missing with access to all. */
  @Test
  void aBucketOpensForThoseWhoMay() throws IOException {
    client.hello(0x07, 0x0b);
    client.plain("Administrator", "password");
    assertThat(client.select("missing").status()).isEqualTo(0x01);
    assertThat(client.select("").status()).isEqualTo(0x01);
    assertThat(client.call(0x00, "key", "").status()).as("GET without bucket").isEqualTo(0x08);
    assertThat(client.open("x", 1).status()).as("DCP_OPEN without bucket").isEqualTo(0x08);
    assertThat(client.call(0x87, "", "").text()).isEqualTo("default probe");
    client.plain("reader", "secret");
    assertThat(client.select("default").status()).isEqualTo(0x24);
    assertThat(client.select("missing").status()).isEqualTo(0x24);
    assertThat(client.select("probe").status()).isZero();
    client.plain("anywhere", "secret");
    assertThat(client.select("missing").status()).isEqualTo(0x01);
  }

  /** 03: "SELECT_BUCKET no access, no XERROR". */
  @Test
  void aClientThatCannotReadTheErrorIsDisconnected() throws IOException {
    client.plain("nobody", "secret");
    client.send(
        0x80, 0x89, 0, 0, 0, 0, new byte[0], "probe".getBytes(StandardCharsets.UTF_8), new byte[0]);
    assertThat(client.isClosedByNode()).isTrue();
  }

  /** The convention from before there were users: the bucket's name and an empty password. */
  @Test
  void aBucketsNameLogsIntoThatBucketOnly() throws IOException {
    client.hello(0x07);
    assertThat(client.plain("probe", "").status()).isZero();
    assertThat(client.select("probe").status()).isZero();
    assertThat(client.select("default").status()).isEqualTo(0x24);
    assertThat(client.plain("probe", "probe").status()).isEqualTo(0x20);
  }

  /** 03: "GET_CLUSTER_CONFIG, no bucket selected"; 04: "status 0 dt=1 extras= len=548". */
  @Test
  void theClusterMapListsTheNode() throws IOException {
    client.plain("Administrator", "password");
    Frame global = client.call(0xb5, "", "");
    assertThat(global.datatype()).isEqualTo(1);
    assertThat(global.text()).contains("\"kv\":" + node.port()).doesNotContain("vBucketServerMap");
    client.select("probe");
    Frame map = client.call(0xb5, "", "");
    assertThat(map.datatype()).isEqualTo(1);
    assertThat(map.extras()).isEmpty();
    assertThat(map.text())
        .contains("\"name\":\"probe\"", "\"serverList\":[\"$HOST:" + node.port() + "\"]")
        .contains("\"vBucketMap\":[[0],[0]");
  }

  /** 04: "GET for vb 100 (>= max_vbuckets 64): status 0x7 NMVB dt 1", "GET for vb 2000". */
  @Test
  void aVBucketOfAnotherNodeIsAnsweredWithTheMap() throws IOException {
    client.plain("Administrator", "password");
    client.select("probe");
    byte[] map = client.call(0xb5, "", "").value();
    for (int vbucket : new int[] {100, 2000}) {
      Frame refused = client.call(0x00, vbucket, 0, "", "key", new byte[0]);
      assertThat(refused.status()).isEqualTo(0x07);
      assertThat(refused.datatype()).isEqualTo(1);
      assertThat(refused.value()).isEqualTo(map);
    }
    assertThat(client.call(0x00, 5, 0, "", "key", new byte[0]).status()).isEqualTo(0x01);
  }

  @Test
  void anUnknownCommandIsAnsweredAsSuch() throws IOException {
    client.plain("Administrator", "password");
    assertThat(client.call(0xe9, "", "").status()).isEqualTo(0x81);
  }

  /** 05: "as user without DcpProducer". */
  @Test
  void dcpNeedsItsPrivilege() throws IOException {
    client.hello(0x07, 0x08, 0x0b);
    client.plain("reader", "secret");
    client.select("probe");
    Frame refused = client.open("x", 1);
    assertThat(refused.status()).isEqualTo(0x24);
    assertThat(refused.text())
        .startsWith(
            "{\"error\":{\"context\":\"Authorization failure: can't execute DCP_OPEN operation"
                + " without the DcpProducer privilege\",\"ref\":\"");
  }

  /** 05: the refused names and flags, and the accepted ones. */
  @Test
  void dcpOpenChecksItsNameAndFlags() throws IOException {
    client.hello(0x07, 0x08, 0x0b);
    client.plain("Administrator", "password");
    client.select("probe");
    assertThat(client.open("", 1).text()).contains("Request must include key");
    assertThat(client.open("x", 0x1001).text()).contains("Request contains invalid flags\"");
    assertThat(client.open("x", 0x2).text()).contains("Request contains invalid flags\"");
    assertThat(client.open("x", 0x49).text())
        .contains("(NO_VALUE && NO_VALUE_WITH_UNDERLYING_DATATYPE)");
    assertThat(client.open("x", 0x101).text())
        .contains("IncludeDeletedUserXattrs but not IncludeXattrs");
    assertThat(client.open("x".repeat(201), 0x81).status()).as("name 201 bytes, PiTR").isZero();
    try (RawClient other = RawClient.ready(node, "probe")) {
      assertThat(other.open("x".repeat(200), 1).status()).as("name 200 bytes").isZero();
    }
  }

  /** java-dcp-client-trace.txt, 2.018 to 2.031; DCP_OPEN turns JSON on. */
  @Test
  void whatTheDcpClientAsksFirstIsAnsweredAsRecorded() throws IOException {
    client.plain("Administrator", "password");
    assertThat(client.call(0x0b, "", "").text()).isEqualTo("7.2.9-0000");
    assertThat(features(client.hello(0x01, 0x06, 0x07, 0x08, 0x0a, 0x0c, 0x0d, 0x12)))
        .containsExactly(0x06, 0x07, 0x08, 0x0a, 0x0c, 0x0d, 0x12);
    assertThat(client.select("probe").status()).isZero();
    assertThat(client.open("", 5).datatype()).as("JSON was not asked for").isZero();
    assertThat(client.open("java-dcp-client", 5).status()).isZero();
    assertThat(client.open("java-dcp-client", 5).datatype()).isEqualTo(1);
  }

  /** 05: "open name=dup on A", "on B", "what happens on A", and what B may still do. */
  @Test
  void aSecondConnectionOfTheSameNameReplacesTheFirst() throws IOException {
    try (RawClient a = RawClient.ready(node, "probe", RawClient.dcpFeatures());
        RawClient b = RawClient.ready(node, "probe", RawClient.dcpFeatures())) {
      assertThat(a.open("dup", 1).status()).isZero();
      assertThat(b.open("dup", 1).status()).isZero();
      assertThat(a.isClosedByNode()).isTrue();
      assertThat(b.open("other", 1).text())
          .contains("The connection is already opened as a DCP connection");
      assertThat(b.select("probe").status()).isEqualTo(0x83);
      assertThat(b.plain("Administrator", "password").status()).isEqualTo(0x83);
      assertThat(b.hello(RawClient.dcpFeatures()).status()).isZero();
      assertThat(b.call(0x00, 5, 0, "", "\0key", new byte[0]).status()).isEqualTo(0x01);
      assertThat(b.call(0xb5, "", "").status()).isZero();
      assertThat(b.call(0x48, "", "").value()).hasSize(640);
    }
  }

  /** 05: "control on a non-DCP connection", "stream request on a non-DCP connection". */
  @Test
  void dcpCommandsNeedADcpConnection() throws IOException {
    client.hello(0x07, 0x0b);
    client.plain("Administrator", "password");
    client.select("probe");
    assertThat(client.control("enable_noop", "true").text())
        .contains("The command can only be sent on a DCP connection");
    assertThat(client.stream(5, 0, 1).status()).isEqualTo(0x04);
    assertThat(client.call(0x54, "", "").status()).isEqualTo(0x04);
  }

  /** Not recorded: what the Java SDK's waitUntilReady asks over HTTP. */
  @Test
  void theBucketsHealthIsToldToThoseWhoMayKnow() throws Exception {
    assertThat(health("probe", "Administrator:password").statusCode()).isEqualTo(200);
    assertThat(health("probe", "Administrator:password").body()).contains("\"status\":\"healthy\"");
    assertThat(health("missing", "Administrator:password").statusCode()).isEqualTo(404);
    assertThat(health("default", "reader:secret").statusCode()).isEqualTo(404);
    assertThat(health("probe", "Administrator:wrong").statusCode()).isEqualTo(401);
  }

  private static HttpResponse<String> health(String bucket, String credentials) throws Exception {
    String basic = Base64.getEncoder().encodeToString(credentials.getBytes(StandardCharsets.UTF_8));
    URI uri =
        URI.create(
            "http://" + node.host() + ":" + node.port() + "/pools/default/buckets/" + bucket);
    return HttpClient.newHttpClient()
        .send(
            HttpRequest.newBuilder(uri)
                .version(HttpClient.Version.HTTP_1_1)
                .header("Authorization", "Basic " + basic)
                .build(),
            HttpResponse.BodyHandlers.ofString());
  }

  private static List<Integer> features(Frame reply) {
    List<Integer> codes = new ArrayList<>();
    ByteBuffer value = ByteBuffer.wrap(reply.value());
    while (value.hasRemaining()) {
      codes.add((int) value.getShort());
    }
    return codes;
  }
}
