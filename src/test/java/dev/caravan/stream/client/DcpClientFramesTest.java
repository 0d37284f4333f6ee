// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.couchbase.client.core.deps.io.netty.buffer.ByteBuf;
import com.couchbase.client.core.deps.io.netty.buffer.Unpooled;
import com.couchbase.client.dcp.Client;
import com.couchbase.client.dcp.message.DcpBufferAckRequest;
import com.couchbase.client.dcp.message.DcpMutationMessage;
import com.couchbase.client.dcp.message.DcpOpenConnectionRequest;
import com.couchbase.client.dcp.message.DcpOpenStreamRequest;
import com.couchbase.client.dcp.message.DcpSnapshotMarkerRequest;
import com.couchbase.client.dcp.message.MessageUtil;
import com.couchbase.client.dcp.message.OpenConnectionFlag;
import java.io.InputStream;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Pins the version of the DCP client, and the numbers and layouts of its frames that this package
 * relies on. See also {@link DcpClientInternalsTest}.
 */
@Tag("unit")
class DcpClientFramesTest {
  /**
   * After an upgrade, check the claims about dcp-client in the Javadoc of this package and of
   * stream.flow.
   */
  @Test
  void theVersionIsTheOneThatThisPackageWasWrittenFor() throws Exception {
    Properties properties = new Properties();
    try (InputStream file =
        Client.class.getResourceAsStream(
            "/META-INF/maven/com.couchbase.client/dcp-client/pom.properties")) {
      properties.load(file);
    }
    assertThat(properties.getProperty("version")).isEqualTo("0.56.0");
  }

  @Test
  void theNumbersAreThoseOfTheProtocol() {
    assertThat(
            List.of(
                MessageUtil.HEADER_SIZE,
                MessageUtil.KEY_LENGTH_OFFSET,
                MessageUtil.EXTRAS_LENGTH_OFFSET,
                MessageUtil.VBUCKET_OFFSET,
                MessageUtil.OPAQUE_OFFSET,
                MessageUtil.CAS_OFFSET))
        .containsExactly(24, 2, 4, 6, 12, 16);
    assertThat(
            new byte[] {MessageUtil.MAGIC_REQ, MessageUtil.MAGIC_RES, MessageUtil.MAGIC_SERVER_REQ})
        .containsExactly(0x80, 0x81, 0x82);
    assertThat(
            new byte[] {
              MessageUtil.VERSION_OPCODE,
              MessageUtil.HELLO_OPCODE,
              MessageUtil.SASL_LIST_MECHS_OPCODE,
              MessageUtil.SASL_AUTH_OPCODE,
              MessageUtil.SASL_STEP_OPCODE,
              MessageUtil.GET_SEQNOS_OPCODE,
              MessageUtil.OPEN_CONNECTION_OPCODE,
              MessageUtil.SELECT_BUCKET_OPCODE,
              MessageUtil.OBSERVE_SEQNO_OPCODE,
              MessageUtil.GET_CLUSTER_CONFIG_OPCODE,
              MessageUtil.CLUSTERMAP_CHANGE_NOTIFICATION_OPCODE
            })
        .containsExactly(0x0b, 0x1f, 0x20, 0x21, 0x22, 0x48, 0x50, 0x89, 0x91, 0xb5, 0x01);
    assertThat(
            new byte[] {
              MessageUtil.DCP_STREAM_REQUEST_OPCODE,
              MessageUtil.DCP_STREAM_END_OPCODE,
              MessageUtil.DCP_SNAPSHOT_MARKER_OPCODE,
              MessageUtil.DCP_MUTATION_OPCODE,
              MessageUtil.DCP_DELETION_OPCODE,
              MessageUtil.DCP_EXPIRATION_OPCODE,
              MessageUtil.DCP_BUFFER_ACK_OPCODE,
              MessageUtil.DCP_SYSTEM_EVENT_OPCODE,
              MessageUtil.DCP_SEQNO_ADVANCED_OPCODE
            })
        .containsExactly(0x53, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5d, 0x5f, 0x64);
  }

  @Test
  void fieldsOfFramesAreWhereOurHandlersReadAndWriteThem() {
    int extras = MessageUtil.HEADER_SIZE;

    ByteBuf stream = Unpooled.buffer();
    DcpOpenStreamRequest.init(stream, Set.of(), 3);
    DcpOpenStreamRequest.startSeqno(stream, 1);
    DcpOpenStreamRequest.endSeqno(stream, 2);
    DcpOpenStreamRequest.vbuuid(stream, 3);
    DcpOpenStreamRequest.snapshotStartSeqno(stream, 4);
    DcpOpenStreamRequest.snapshotEndSeqno(stream, 5);
    assertThat(MessageUtil.getVbucket(stream)).isEqualTo(3);
    for (int field = 1; field <= 5; field++) {
      assertThat(stream.getLong(extras + field * Long.BYTES)).isEqualTo(field);
    }

    ByteBuf open = Unpooled.buffer();
    DcpOpenConnectionRequest.init(open, Set.of(OpenConnectionFlag.INCLUDE_DELETE_TIMES));
    assertThat(open.getInt(extras + Integer.BYTES) & 0x20).isNotZero();

    ByteBuf acknowledgement = Unpooled.buffer();
    DcpBufferAckRequest.init(acknowledgement);
    DcpBufferAckRequest.ackBytes(acknowledgement, 77);
    assertThat(acknowledgement.getInt(extras)).isEqualTo(77);

    ByteBuf mutation = Unpooled.buffer();
    MessageUtil.initRequest(MessageUtil.DCP_MUTATION_OPCODE, mutation);
    MessageUtil.setExtras(
        Unpooled.buffer().writeLong(1).writeLong(2).writeInt(3).writeInt(4).writeZero(7), mutation);
    assertThat(DcpMutationMessage.bySeqno(mutation)).isEqualTo(1);
    assertThat(DcpMutationMessage.revisionSeqno(mutation)).isEqualTo(2);
    assertThat(DcpMutationMessage.flags(mutation)).isEqualTo(3);
    assertThat(DcpMutationMessage.expiry(mutation)).isEqualTo(4);

    ByteBuf marker = Unpooled.buffer();
    MessageUtil.initRequest(MessageUtil.DCP_SNAPSHOT_MARKER_OPCODE, marker);
    MessageUtil.setExtras(Unpooled.buffer().writeLong(8).writeLong(9).writeInt(1), marker);
    assertThat(DcpSnapshotMarkerRequest.startSeqno(marker)).isEqualTo(8);
  }
}
