// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import dev.caravan.worker.TaskInfo;
import java.io.ByteArrayOutputStream;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The tasks of a connector, {@code [{"id":{..},"config":{..}},..]}, in pieces. Each task has the
 * whole configuration. Not thread-safe.
 */
final class TaskList implements JsonResponse.Pieces {
  /** The size in bytes at which a piece ends; its last task may exceed it. */
  private static final int PIECE = 64 * 1024;

  private final String connector;
  private final Iterator<TaskInfo> tasks;
  private boolean hasBegun;
  private boolean isAtEnd;

  TaskList(String connector, List<TaskInfo> tasks) {
    this.connector = connector;
    this.tasks = tasks.iterator();
  }

  @Override
  public CompletableFuture<byte @Nullable []> next() {
    return CompletableFuture.completedFuture(isAtEnd ? null : piece());
  }

  private byte[] piece() {
    ByteArrayOutputStream piece = new ByteArrayOutputStream();
    while (tasks.hasNext() && piece.size() < PIECE) {
      piece.write(hasBegun ? ',' : '[');
      piece.writeBytes(JsonResponse.bytes(ConnectorJson.task(connector, tasks.next())));
      hasBegun = true;
    }
    if (!tasks.hasNext()) {
      if (!hasBegun) {
        piece.write('[');
      }
      piece.write(']');
      isAtEnd = true;
    }
    return piece.toByteArray();
  }
}
