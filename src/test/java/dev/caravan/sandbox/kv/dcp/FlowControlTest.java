// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.dcp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.RawClient;
import dev.caravan.sandbox.RawClient.Frame;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.bucket.Bucket;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Section 12 of answers-protocol.txt, and couchbase-kv/README.md "Flow control". */
class FlowControlTest {
  private static final int VBUCKETS = 1;
  private static final int BUFFER = 2000;
  private CouchbaseNode node;
  private Bucket bucket;
  private RawClient client;

  @BeforeEach
  void start() throws Exception {
    node = CouchbaseNode.builder().vbuckets(VBUCKETS).bucket("probe").start();
    bucket = node.bucket("probe");
    client = RawClient.dcp(node, "probe", 1, RawClient.dcpFeatures());
  }

  @AfterEach
  void stop() throws IOException {
    client.close();
    node.close();
  }

  private static int bytes(List<Frame> frames) {
    return frames.stream().mapToInt(Frame::length).sum();
  }

  /**
   * "buffer 2000: got 15 msgs, 2060 bytes", "ack 1000 -> 2 more msgs", "ack rest -> 2 more msgs".
   */
  @Test
  void theNodeStopsWithTheMessageThatFillsTheWindow() throws IOException {
    // 570 bytes each on the wire, as the recorded ones: 24 + 31 + 6 (0x00 doc-n) + 509.
    bucket.load(10, 509);
    client.control("connection_buffer_size", String.valueOf(BUFFER));
    client.stream(0, 0, 10);
    List<Frame> first = client.arrived();
    assertThat(first).hasSize(5);
    assertThat(bytes(first)).isEqualTo(44 + 4 * 570).isGreaterThanOrEqualTo(BUFFER);
    assertThat(bytes(first.subList(0, 4))).isLessThan(BUFFER);

    int outstanding = bytes(first);
    client.acknowledge(outstanding - BUFFER);
    assertThat(client.arrived()).as("a window that is exactly full").isEmpty();
    client.acknowledge(1);
    assertThat(client.arrived()).as("one byte of room is one message").hasSize(1);
    client.acknowledge(1000);
    assertThat(client.arrived()).hasSize(1);
  }

  /** "over-ack": more than is outstanding leaves an empty window, not a larger one. */
  @Test
  void tooLargeAnAcknowledgementDoesNotCountLater() throws IOException {
    bucket.load(20, 509);
    client.control("connection_buffer_size", String.valueOf(BUFFER));
    client.stream(0, 0, 20);
    assertThat(client.arrived()).hasSize(5);
    client.acknowledge(1_000_000);
    assertThat(client.arrived()).hasSize(4);
  }

  /**
   * couchbase-kv/README.md: marker, mutation, deletion, event, advance and end are charged, noops
   * and answers not.
   */
  @Test
  void everyDcpMessageIsCharged() throws IOException {
    bucket.createScope("s");
    bucket.upsert("a", "1");
    bucket.upsert("b", "1");
    bucket.delete("a");
    client.control("connection_buffer_size", "1");
    client.stream(0, 0, 4);
    int messages = 0;
    List<Frame> arrived = client.arrived();
    while (!arrived.isEmpty()) {
      assertThat(arrived).hasSize(1);
      messages++;
      client.acknowledge(arrived.get(0).length() - 1);
      assertThat(client.arrived()).as("one byte is still out").isEmpty();
      client.acknowledge(1);
      arrived = client.arrived();
    }
    assertThat(messages).as("marker, event, b, deletion of a, end").isEqualTo(5);
  }

  /** "RESP op=5d 0x04 EINVAL ... Request must include extras of length 4". */
  @Test
  void onlyAMalformedAcknowledgementIsAnswered() throws IOException {
    client.acknowledge(1);
    Frame refused = client.call(0x5d, 0, 0, "", "", new byte[0]);
    assertThat(refused.status()).isEqualTo(0x04);
    assertThat(refused.text()).contains("Request must include extras of length 4");
  }

  /** A full window holds back the streams, not the answers. */
  @Test
  void requestsAreAnsweredWhileTheWindowIsFull() throws IOException {
    bucket.load(10, 509);
    client.control("connection_buffer_size", "1");
    client.stream(0, 0, 10);
    client.arrived();
    assertThat(client.call(0x48, "", "").status()).isZero();
    client.control("connection_buffer_size", "0");
    assertThat(client.untilEnd()).hasSize(11);
  }
}
