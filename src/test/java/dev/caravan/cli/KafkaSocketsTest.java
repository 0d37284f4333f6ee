// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.caravan.cli.process.ChildProcess;
import dev.caravan.testkit.TestProcesses;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import org.junit.jupiter.api.Test;

class KafkaSocketsTest {
  /** A reset connection has discarded its unsent bytes. */
  @Test
  void aConnectionToKafkaIsResetWhenItIsClosed() throws Exception {
    try (ServerSocket kafka = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        ChildProcess worker =
            TestProcesses.start(
                "worker", "-brokers=127.0.0.1:" + kafka.getLocalPort(), "-group=g", "-port=0")) {
      kafka.setSoTimeout(60_000);
      try (Socket connection = kafka.accept()) {
        connection.setSoTimeout(60_000);
        InputStream requests = connection.getInputStream();
        assertThat(requests.read()).as("the first byte of a length").isZero();
        worker.kill();
        assertThatThrownBy(requests::readAllBytes)
            .isInstanceOf(SocketException.class)
            .hasMessageContaining("reset");
      }
    }
  }
}
