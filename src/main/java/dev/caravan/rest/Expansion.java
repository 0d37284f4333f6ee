// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.caravan.worker.ConnectorDetails;
import dev.caravan.worker.Worker;
import java.io.ByteArrayOutputStream;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The expanded list of connectors, {@code {"a":{"status":{..}},..}}, in pieces. A connector that is
 * deleted meanwhile may be included or not. Not thread-safe: request a piece only after the
 * previous piece is complete.
 */
final class Expansion implements JsonResponse.Pieces {
  static final String INFO = "info";
  static final String STATUS = "status";

  private final Worker worker;
  private final Set<String> wanted;
  private @Nullable String last;
  private boolean isAtEnd;

  /**
   * @param wanted {@link #INFO}, {@link #STATUS}; other values are ignored, as in Kafka Connect
   */
  Expansion(Worker worker, Set<String> wanted) {
    this.worker = worker;
    this.wanted = Set.copyOf(wanted);
  }

  @Override
  public CompletableFuture<byte @Nullable []> next() {
    return isAtEnd
        ? CompletableFuture.completedFuture(null)
        : worker.connectorsAfter(last == null ? "" : last).thenApply(this::piece);
  }

  private byte[] piece(List<ConnectorDetails> connectors) {
    ByteArrayOutputStream piece = new ByteArrayOutputStream();
    if (last == null) {
      piece.write('{');
    }
    for (ConnectorDetails connector : connectors) {
      String name = connector.info().name();
      if (last != null) {
        piece.write(',');
      }
      piece.writeBytes(JsonResponse.bytes(TextNode.valueOf(name)));
      piece.write(':');
      piece.writeBytes(JsonResponse.bytes(expanded(connector)));
      last = name;
    }
    if (connectors.isEmpty()) {
      piece.writeBytes("}".getBytes(UTF_8));
      isAtEnd = true;
    }
    return piece.toByteArray();
  }

  private ObjectNode expanded(ConnectorDetails connector) {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    if (wanted.contains(STATUS)) {
      json.set(STATUS, ConnectorJson.status(connector.status()));
    }
    if (wanted.contains(INFO)) {
      json.set(INFO, ConnectorJson.info(connector.info()));
    }
    return json;
  }
}
