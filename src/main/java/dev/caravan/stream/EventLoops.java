// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import com.couchbase.client.core.deps.io.netty.channel.EventLoopGroup;
import com.couchbase.client.core.deps.io.netty.channel.epoll.Epoll;
import com.couchbase.client.core.deps.io.netty.channel.epoll.EpollEventLoopGroup;
import com.couchbase.client.core.deps.io.netty.channel.kqueue.KQueue;
import com.couchbase.client.core.deps.io.netty.channel.kqueue.KQueueEventLoopGroup;
import com.couchbase.client.core.deps.io.netty.channel.nio.NioEventLoopGroup;
import com.couchbase.client.core.deps.io.netty.util.concurrent.DefaultThreadFactory;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The threads that talk to Couchbase, shared by all sessions of a Camel context so that a further
 * task costs none. Started with the first session. Thread-safe.
 */
public final class EventLoops implements AutoCloseable {
  private static final int CLOSE_TIMEOUT_SECONDS = 2;

  private final int threads;
  private @Nullable EventLoopGroup group;

  /**
   * @param threads how many, at least 1
   */
  public EventLoops(int threads) {
    this.threads = threads;
  }

  // The DCP client recognizes the transport by these deprecated classes.
  @SuppressWarnings("deprecation")
  synchronized EventLoopGroup group() {
    if (group == null) {
      ThreadFactory factory = new DefaultThreadFactory("couchbase-dcp-io", true);
      if (Epoll.isAvailable()) {
        group = new EpollEventLoopGroup(threads, factory);
      } else if (KQueue.isAvailable()) {
        group = new KQueueEventLoopGroup(threads, factory);
      } else {
        group = new NioEventLoopGroup(threads, factory);
      }
    }
    return group;
  }

  /** Closes the connections that are left and ends the threads. */
  @Override
  public synchronized void close() {
    if (group != null) {
      group
          .shutdownGracefully(0, CLOSE_TIMEOUT_SECONDS, TimeUnit.SECONDS)
          .awaitUninterruptibly(CLOSE_TIMEOUT_SECONDS, TimeUnit.SECONDS);
      group = null;
    }
  }
}
