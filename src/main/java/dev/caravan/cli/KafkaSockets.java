// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import java.io.IOException;
import java.net.ProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.channels.Channel;
import java.nio.channels.DatagramChannel;
import java.nio.channels.Pipe;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.AbstractSelector;
import java.nio.channels.spi.SelectorProvider;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the sockets that Kafka's clients open discard what they still have to send when they are
 * closed (SO_LINGER of zero). Otherwise, the operating system goes on sending it for about a
 * minute: what a producer had in the socket when the network broke arrives when the network is
 * back, after the records of the worker that has taken over.
 *
 * <p>Kafka's clients have answers to all of their requests before they close a connection in order,
 * so that nothing is lost then. Other sockets are as they always are, those of the REST API, which
 * are accepted and not opened, and those to Couchbase included.
 *
 * <p>Java asks for one provider of all its sockets, by the system property {@value #PROPERTY}, when
 * the first is opened. The provider that it has by default is in a package that is not exported:
 * the manifest of the application's jar does that with {@code Add-Exports: java.base/sun.nio.ch}.
 */
public final class KafkaSockets extends SelectorProvider {
  private static final Logger LOG = LoggerFactory.getLogger(KafkaSockets.class);
  private static final String PROPERTY = "java.nio.channels.spi.SelectorProvider";
  private static final String KAFKA = "org.apache.kafka.common.network.";

  /** A client opens a connection a few calls below its selector. */
  private static final int CALLS = 12;

  private final SelectorProvider provider;

  /** Called by Java. */
  public KafkaSockets() {
    this.provider = defaultProvider();
  }

  private static SelectorProvider defaultProvider() {
    try {
      return (SelectorProvider)
          Class.forName("sun.nio.ch.DefaultSelectorProvider").getMethod("get").invoke(null);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  /** To be called before any socket is opened; does nothing if another provider is set already. */
  static void install() {
    if (System.getProperty(PROPERTY) != null) {
      return;
    }
    try {
      defaultProvider();
    } catch (IllegalStateException e) {
      LOG.warn(
          "Records that are in a socket when the network breaks may arrive when it is back, after"
              + " those of the worker that has taken over: Java was started without --add-exports"
              + " java.base/sun.nio.ch=ALL-UNNAMED ({})",
          String.valueOf(e.getCause()));
      return;
    }
    System.setProperty(PROPERTY, KafkaSockets.class.getName());
  }

  @Override
  public SocketChannel openSocketChannel() throws IOException {
    SocketChannel channel = provider.openSocketChannel();
    if (isOfKafka()) {
      channel.setOption(StandardSocketOptions.SO_LINGER, 0);
    }
    return channel;
  }

  private static boolean isOfKafka() {
    return StackWalker.getInstance()
        .walk(
            frames ->
                frames.limit(CALLS).anyMatch(frame -> frame.getClassName().startsWith(KAFKA)));
  }

  @Override
  public DatagramChannel openDatagramChannel() throws IOException {
    return provider.openDatagramChannel();
  }

  @Override
  public DatagramChannel openDatagramChannel(ProtocolFamily family) throws IOException {
    return provider.openDatagramChannel(family);
  }

  @Override
  public Pipe openPipe() throws IOException {
    return provider.openPipe();
  }

  @Override
  public AbstractSelector openSelector() throws IOException {
    return provider.openSelector();
  }

  @Override
  public ServerSocketChannel openServerSocketChannel() throws IOException {
    return provider.openServerSocketChannel();
  }

  @Override
  public @Nullable Channel inheritedChannel() throws IOException {
    return provider.inheritedChannel();
  }
}
