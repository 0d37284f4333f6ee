// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.dcp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.RawClient;
import dev.caravan.sandbox.RawClient.Frame;
import dev.caravan.sandbox.RecordedNode;
import java.io.IOException;
import java.util.HexFormat;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** answers-durability-purge.txt, "stream-id": several streams of a vBucket on one connection. */
class StreamIdTest extends RecordedNode {
  private static final int VBUCKET = 5;

  @BeforeEach
  void connect() throws Exception {
    client = RawClient.dcp(node, "probe", 1, RawClient.dcpFeatures());
    assertThat(client.control("enable_stream_id", "true").status()).isZero();
  }

  private int open(String filter) throws IOException {
    long high = bucket.highSeqno(VBUCKET);
    return client.stream(VBUCKET, 0, high, -1, bucket.vbuuid(VBUCKET), high, high, filter).status();
  }

  private int close(String frameInfo) throws IOException {
    byte[] info = HexFormat.of().parseHex(frameInfo);
    byte[] frame = new byte[24 + info.length];
    frame[0] = 0x08;
    frame[1] = 0x52;
    frame[2] = (byte) info.length;
    frame[7] = VBUCKET;
    frame[11] = (byte) info.length;
    System.arraycopy(info, 0, frame, 24, info.length);
    client.sendRaw(frame);
    return client.reply(0x52).status();
  }

  /** "0x8d STREAMID_INVALID", then success, then the end as "raw framing 220003 0x8". */
  @Test
  void aStreamNeedsAnIdThatComesWithAllItsMessages() throws IOException {
    assertThat(open("")).isEqualTo(0x8d);
    assertThat(open("{\"uid\":\"0\"}")).isEqualTo(0x8d);
    assertThat(client.stream(VBUCKET, 0, 11, 11, 0, 11, 11, "{\"sid\":3}").status())
        .as("a vbuuid of 0")
        .isEqualTo(0x23);
    assertThat(
            client.stream(VBUCKET, 0, 11, 11, bucket.vbuuid(VBUCKET), 11, 11, "{\"sid\":3}")
                .status())
        .isZero();
    Frame end = client.message();
    assertThat(end.words()).endsWith("STREAM_END reason=0");
    assertThat(end.magic()).isEqualTo(0x08);
    assertThat(HexFormat.of().formatHex(end.frameInfo())).isEqualTo("220003");
  }

  @Test
  void aVBucketMayHaveAStreamForEachId() throws IOException {
    assertThat(open("{\"sid\":1,\"collections\":[\"0\"]}")).isZero();
    assertThat(open("{\"sid\":2,\"collections\":[\"9\"]}")).isZero();
    assertThat(open("{\"sid\":2}")).as("the same id again").isEqualTo(0x02);
    bucket.collection("inventory", "hotel").upsert("k80", "1");
    assertThat(client.arrived())
        .hasSize(2)
        .allSatisfy(
            frame -> assertThat(HexFormat.of().formatHex(frame.frameInfo())).isEqualTo("220002"));
    assertThat(close("")).as("without an id").isEqualTo(0x8d);
    assertThat(close("220002")).isZero();
    assertThat(close("220002")).isEqualTo(0x01);
    bucket.upsert("k80", "1");
    assertThat(client.arrived()).hasSize(2);
  }
}
