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
import org.slf4j.LoggerFactory;

/**
 * A selector provider that sets SO_LINGER to 0 on the sockets that Kafka's clients open. Such a
 * socket discards its unsent bytes when it is closed. Otherwise, the operating system keeps sending
 * them for about a minute: after a network partition, the records in the socket would arrive after
 * the records of the worker that has taken over.
 *
 * <p>An orderly close loses nothing, because Kafka's clients first wait for the responses to all
 * their requests. All other sockets keep their options: the sockets of the REST API, which are
 * accepted and not opened, and the sockets to Couchbase.
 *
 * <p>Java loads one provider for all sockets, named by the system property {@value #PROPERTY}, when
 * the first socket is opened. This class delegates to Java's default provider, whose package is not
 * exported. The manifest of the application's jar exports it with {@code Add-Exports:
 * java.base/sun.nio.ch}. Thread-safe.
 */
public final class KafkaSockets extends SelectorProvider {
  private static final String PROPERTY = "java.nio.channels.spi.SelectorProvider";
  private static final String KAFKA = "org.apache.kafka.common.network.";

  /** The depth of the search: a client opens a connection a few calls below its selector. */
  private static final int CALLS = 12;

  private final SelectorProvider provider;

  /** For Java, which loads the class by its name. */
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

  /** Sets the system property, unless it is set. Call this before any socket is opened. */
  static void install() {
    if (System.getProperty(PROPERTY) != null) {
      return;
    }
    try {
      defaultProvider();
    } catch (IllegalStateException e) {
      // Not a static logger: this runs before a command has set its log levels.
      LoggerFactory.getLogger(KafkaSockets.class)
          .warn(
              "After a network partition, records may arrive after those of the worker that has"
                  + " taken over, because SO_LINGER can't be set ({}). Start Java with"
                  + " --add-exports java.base/sun.nio.ch=ALL-UNNAMED.",
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
