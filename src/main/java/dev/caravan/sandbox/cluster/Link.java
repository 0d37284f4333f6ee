// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.cluster;

import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.util.ReferenceCountUtil;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * The network between a client and the node. It can delay or discard all bytes.
 *
 * <p>The link holds a read for the delay and reads nothing until then, so it holds at most one
 * read. It owns the read until it passes the read on or releases it. Confined to the connection's
 * event loop, except {@link #silence}, which any thread may call.
 */
final class Link extends ChannelDuplexHandler {
  private final LongSupplier delayMillis;
  private final Queue<Object> held = new ArrayDeque<>();
  private boolean readWanted;
  private volatile boolean silent;

  /**
   * A link that works.
   *
   * @param delayMillis called at every read; 0 for no delay
   */
  Link(LongSupplier delayMillis) {
    this.delayMillis = delayMillis;
  }

  /** Discards everything in both directions from now on, without closing the connection. */
  void silence() {
    silent = true;
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    if (silent) {
      ReferenceCountUtil.release(message);
      return;
    }
    long millis = delayMillis.getAsLong();
    if (!held.isEmpty()) {
      held.add(message);
    } else if (millis > 0) {
      held.add(message);
      context.executor().schedule(() -> passOn(context), millis, TimeUnit.MILLISECONDS);
    } else {
      context.fireChannelRead(message);
    }
  }

  private void passOn(ChannelHandlerContext context) {
    Object message = held.poll();
    while (message != null) {
      if (silent) {
        ReferenceCountUtil.release(message);
      } else {
        context.fireChannelRead(message);
      }
      message = held.poll();
    }
    context.fireChannelReadComplete();
    if (readWanted) {
      readWanted = false;
      context.read();
    }
  }

  @Override
  public void read(ChannelHandlerContext context) {
    if (held.isEmpty()) {
      context.read();
    } else {
      readWanted = true;
    }
  }

  @Override
  public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
    if (silent) {
      ReferenceCountUtil.release(message);
      promise.trySuccess();
    } else {
      context.write(message, promise);
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    held.forEach(ReferenceCountUtil::release);
    held.clear();
    context.fireChannelInactive();
  }
}
