// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a client and a server see of the network between them. */
class TcpProxyTest {
  private static final int TIMEOUT_MILLIS = 10_000;
  private static final int MOMENT_MILLIS = 200;

  private ServerSocket server;
  private TcpProxy proxy;

  /** Both ends of a connection through the proxy. */
  private record Connected(Socket client, Socket server) {
    void send(String text) throws IOException {
      client.getOutputStream().write(text.getBytes(UTF_8));
    }

    String receive(int length) throws IOException {
      return new String(server.getInputStream().readNBytes(length), UTF_8);
    }
  }

  @BeforeEach
  void start() throws IOException {
    server = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
    proxy = new TcpProxy().open("127.0.0.1", server.getLocalPort());
  }

  @AfterEach
  void stop() throws IOException {
    proxy.close();
    server.close();
  }

  private Socket connect() throws IOException {
    Socket client = new Socket(InetAddress.getLoopbackAddress(), proxy.port());
    client.setSoTimeout(TIMEOUT_MILLIS);
    return client;
  }

  private Connected connected() throws IOException {
    Socket client = connect();
    Socket accepted = server.accept();
    accepted.setSoTimeout(TIMEOUT_MILLIS);
    Connected both = new Connected(client, accepted);
    both.send("hello");
    assertThat(both.receive(5)).isEqualTo("hello");
    return both;
  }

  private static void assertSilent(Socket side) throws IOException {
    side.setSoTimeout(MOMENT_MILLIS);
    assertThatThrownBy(() -> side.getInputStream().read())
        .isInstanceOf(SocketTimeoutException.class);
    side.setSoTimeout(TIMEOUT_MILLIS);
  }

  private static void assertReset(Socket side) {
    assertThatThrownBy(() -> side.getInputStream().readAllBytes())
        .isInstanceOf(SocketException.class)
        .hasMessageContaining("reset");
  }

  @Test
  void aPartitionIsSilentAndDeliversNothingWhenItHeals() throws IOException {
    Connected both = connected();
    proxy.partition();
    both.send("stale");
    assertSilent(both.server());
    assertSilent(both.client());

    proxy.heal();
    assertReset(both.server());
    assertReset(both.client());
    connected();
  }

  @Test
  void aConnectionThatIsBegunInAPartitionReachesNobodyAndIsResetWhenItHeals() throws IOException {
    proxy.partition();
    Socket early = connect();
    early.getOutputStream().write("early".getBytes(UTF_8));
    assertSilent(early);

    proxy.heal();
    assertReset(early);
    // The next one that the server sees is a later one.
    assertThat(connected().client().isConnected()).isTrue();
  }

  @Test
  void whatIsStalledArrivesLater() throws IOException {
    Connected both = connected();
    proxy.stall();
    both.send("late");
    assertSilent(both.server());
    proxy.resume();
    assertThat(both.receive(4)).isEqualTo("late");
  }

  @Test
  void whatIsDelayedTakesItsTime() throws IOException {
    Connected both = connected();
    proxy.delay(Duration.ofMillis(MOMENT_MILLIS));
    long start = System.nanoTime();
    both.send("slow");
    assertThat(both.receive(4)).isEqualTo("slow");
    assertThat(Duration.ofNanos(System.nanoTime() - start))
        .isGreaterThanOrEqualTo(Duration.ofMillis(MOMENT_MILLIS));
    proxy.delay(Duration.ZERO);
  }

  @Test
  void aNarrowNetworkPassesSoManyBytesASecond() throws IOException {
    Connected both = connected();
    proxy.narrow(10_000);
    long start = System.nanoTime();
    both.send("x".repeat(5_000));
    assertThat(both.receive(5_000)).hasSize(5_000);
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofMillis(400));

    proxy.widen();
    both.send("x".repeat(500_000));
    assertThat(both.receive(500_000)).hasSize(500_000);
  }

  @Test
  void aRequestIsResetInItsMiddle() throws IOException {
    Connected both = connected();
    proxy.cutRequestAfter(3);
    both.send("request");
    assertReset(both.client());
    ByteArrayOutputStream received = new ByteArrayOutputStream();
    assertThatThrownBy(() -> read(both.server().getInputStream(), received))
        .isInstanceOf(SocketException.class);
    assertThat("req").startsWith(received.toString(UTF_8));
    assertThat(proxy.cuts()).isEqualTo(1);
    connected();
  }

  private static void read(InputStream from, ByteArrayOutputStream to) throws IOException {
    for (int next = from.read(); next >= 0; next = from.read()) {
      to.write(next);
    }
  }

  @Test
  void whoeverClosesIsSeenByTheOther() throws IOException {
    Connected both = connected();
    both.send("bye");
    both.client().close();
    assertThat(both.receive(3)).isEqualTo("bye");
    assertThat(both.server().getInputStream().read()).isEqualTo(-1);
    await().until(() -> proxy.connections() == 0);
  }
}
