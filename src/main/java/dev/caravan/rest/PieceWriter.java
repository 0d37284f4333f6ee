// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends a body piece by piece, no faster than the client reads. At most one piece and Vert.x's
 * buffer of 64 KiB wait for a slow client. Confined to the event loop of the response.
 */
final class PieceWriter {
  private static final Logger LOG = LoggerFactory.getLogger(PieceWriter.class);

  private final JsonResponse.Pieces pieces;
  private final HttpServerResponse response;
  private final Context loop = Vertx.currentContext();

  PieceWriter(JsonResponse.Pieces pieces, HttpServerResponse response) {
    this.pieces = pieces;
    this.response = response;
  }

  void start() {
    response.setChunked(true);
    next();
  }

  private void next() {
    pieces.next().whenCompleteAsync(this::write, task -> loop.runOnContext(none -> task.run()));
  }

  private void write(byte @Nullable [] piece, @Nullable Throwable failure) {
    if (response.closed() || response.ended()) {
      return;
    }
    if (failure != null) {
      // The status has been sent: only an incomplete body can signal the error.
      LOG.error("A response could not be completed", failure);
      response.reset();
    } else if (piece == null) {
      response.end();
    } else {
      response.write(Buffer.buffer(piece));
      if (response.writeQueueFull()) {
        response.drainHandler(none -> next());
      } else {
        next();
      }
    }
  }
}
