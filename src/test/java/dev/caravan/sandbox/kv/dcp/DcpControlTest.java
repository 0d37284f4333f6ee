// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.dcp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.RawClient;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Section 06 of answers-protocol.txt. */
class DcpControlTest {
  private static CouchbaseNode node;
  private static RawClient client;

  @BeforeAll
  static void start() throws Exception {
    node = CouchbaseNode.builder().vbuckets(64).bucket("probe").start();
    client = RawClient.ready(node, "probe", RawClient.dcpFeatures());
    client.open("control", 1);
  }

  @AfterAll
  static void stop() throws IOException {
    client.close();
    node.close();
  }

  @ParameterizedTest
  @CsvSource({
    "enable_noop, true, 0x00",
    "enable_noop, false, 0x00",
    "enable_noop, TRUE, 0x00",
    "set_noop_interval, 20, 0x00",
    "set_noop_interval, 1, 0x00",
    "set_noop_interval, 0.5, 0x04",
    "set_noop_interval, 120, 0x00",
    "set_noop_interval, abc, 0x04",
    "connection_buffer_size, 0, 0x00",
    "connection_buffer_size, 10485760, 0x00",
    "connection_buffer_size, 4294967295, 0x00",
    "connection_buffer_size, 4294967296, 0x00",
    "connection_buffer_size, -1, 0x04",
    "connection_buffer_size, x, 0x04",
    "stream_buffer_size, 10, 0x83",
    "set_priority, high, 0x00",
    "set_priority, foo, 0x04",
    "enable_ext_metadata, true, 0x04",
    "enable_value_compression, true, 0x04",
    "force_value_compression, true, 0x00",
    "supports_cursor_dropping, true, 0x00",
    "supports_cursor_dropping_vulcan, true, 0x00",
    "supports_hifi_MFU, true, 0x00",
    "send_stream_end_on_client_close_stream, true, 0x00",
    "enable_expiry_opcode, true, 0x00",
    "enable_stream_id, true, 0x00",
    "enable_sync_writes, true, 0x83",
    "consumer_name, foo, 0x00",
    "enable_out_of_order_snapshots, true, 0x00",
    "enable_out_of_order_snapshots, true_with_seqno_advanced, 0x00",
    "enable_out_of_order_snapshots, false, 0x04",
    "include_deleted_user_xattrs, true, 0x04",
    "v7_dcp_status_codes, true, 0x00",
    "v7_dcp_status_codes, false, 0x04",
    "flatbuffers_system_events, true, 0x00",
    "flatbuffers_system_events, false, 0x04",
    "change_streams, true, 0x83",
    "max_marker_version, 2.2, 0x04",
    "cache_transfer, true, 0x04",
    "backfill_order, sequential, 0x00",
    "backfill_order, zigzag, 0x04",
    "no_such_control, true, 0x04",
    "e, true, 0x00",
  })
  void controlsAreAnsweredAsRecorded(String key, String value, String status) throws IOException {
    assertThat(client.control(key, value).status()).isEqualTo(Integer.decode(status));
  }

  /** "control enable_noop=''", "control empty key", "backfill_order='zigzag'". */
  @Test
  void mistakesAreExplained() throws IOException {
    assertThat(client.control("enable_noop", "").text()).contains("Request must include value");
    assertThat(client.control("", "true").text()).contains("Request must include key");
    assertThat(client.control("backfill_order", "zigzag").text())
        .contains("Unsupported value 'backfill_order' for ctrl parameter 'backfill_order'");
  }

  /** "force_value_compression without SNAPPY hello". */
  @Test
  void compressionCannotBeForcedOnAClientWithoutIt() throws IOException {
    try (RawClient plain = RawClient.ready(node, "probe", 0x07, 0x0b)) {
      plain.open("plain", 1);
      assertThat(plain.control("force_value_compression", "true").text())
          .contains("only supported if datatype snappy is enabled on the connection");
    }
  }

  /** "enable_sync_writes", "then enable_stream_id". */
  @Test
  void streamIdsDoNotGoWithSyncWrites() throws IOException {
    try (RawClient other = RawClient.ready(node, "probe", RawClient.dcpFeatures())) {
      other.open("sync writes", 1);
      assertThat(other.control("enable_sync_writes", "true").status()).isZero();
      assertThat(other.control("enable_stream_id", "true").status()).isEqualTo(0x83);
    }
  }

  /** 12: "noop interval 1 s": NOOP with opaque 81969800, 82969800. */
  @Test
  void noopsComeOneAtATime() throws IOException {
    try (RawClient idle = RawClient.ready(node, "probe", RawClient.dcpFeatures())) {
      idle.open("idle", 1);
      idle.control("connection_buffer_size", "1");
      idle.control("set_noop_interval", "1");
      idle.control("enable_noop", "true");
      RawClient.Frame first = idle.message();
      assertThat(first.words()).isEqualTo("[24 bytes] NOOP");
      assertThat(first.opaque()).isEqualTo(0x81969800);
      idle.send(0x81, 0x5c, 0, 0, first.opaque(), 0, new byte[0], new byte[0], new byte[0]);
      assertThat(idle.message().opaque()).isEqualTo(0x82969800);
    }
  }

  /**
   * 12: "noop unanswered (interval 1)"; couchbase-kv/README.md "A client that sends nothing is
   * disconnected after 360 s", here sooner.
   */
  @Test
  void aSilentClientIsDisconnected() throws Exception {
    try (CouchbaseNode impatient =
            CouchbaseNode.builder()
                .vbuckets(1)
                .bucket("probe")
                .idleTimeout(Duration.ofSeconds(5))
                .start();
        RawClient silent = RawClient.ready(impatient, "probe", RawClient.dcpFeatures())) {
      silent.open("silent", 1);
      silent.control("set_noop_interval", "1");
      silent.control("enable_noop", "true");
      assertThat(silent.message().words()).isEqualTo("[24 bytes] NOOP");
      assertThat(silent.untilClosed()).as("one noop is out already").isEmpty();
    }
  }
}
