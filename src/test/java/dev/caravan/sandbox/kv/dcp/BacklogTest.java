// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.dcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.sandbox.RawClient;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.sandbox.kv.protocol.Datatype;
import dev.caravan.sandbox.kv.protocol.Opcode;
import io.netty.buffer.PooledByteBufAllocator;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A large backlog fits in memory, and so does sending it to somebody who is slow. */
class BacklogTest {
  private static final int DOCUMENTS = 200_000;
  private static final int SIZE = 300;
  private static final int MAX_BYTES_PER_DOCUMENT = 500;
  private static final long MAX_IN_FLIGHT = 32L << 20;

  private static CouchbaseNode node;
  private static long bytesPerDocument;

  @BeforeAll
  static void start() throws Exception {
    node = CouchbaseNode.builder().bucket("default").start();
    long before = usedHeap();
    node.bucket("default").load(DOCUMENTS, SIZE);
    bytesPerDocument = (usedHeap() - before) / DOCUMENTS;
  }

  @AfterAll
  static void stop() {
    node.close();
  }

  private static long usedHeap() {
    System.gc();
    Runtime runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory();
  }

  @Test
  void aDocumentTakesLittleMoreThanItsBytes() {
    assertThat(node.bucket("default").documentCount()).isEqualTo(DOCUMENTS);
    assertThat(node.bucket("default").defaultCollection().get("doc-199999"))
        .hasValueSatisfying(
            value -> {
              assertThat(value)
                  .hasSize(SIZE)
                  .startsWith("{\"number\":199999,".getBytes(StandardCharsets.US_ASCII));
              assertThat(Datatype.of(value)).isEqualTo(Datatype.JSON);
              assertThat(Datatype.deflate(value).length).isGreaterThan(SIZE * 3 / 4);
            });
    assertThat(bytesPerDocument).isBetween((long) SIZE, (long) MAX_BYTES_PER_DOCUMENT);
  }

  @Test
  void aClientThatDoesNotReadCostsNoMemoryAndMissesNothing() throws IOException {
    try (RawClient client = RawClient.dcp(node, "default", 1, RawClient.dcpFeatures())) {
      Bucket bucket = node.bucket("default");
      for (int vbucket = 0; vbucket < bucket.vbucketCount(); vbucket++) {
        client.requestStream(vbucket, bucket.highSeqno(vbucket));
      }
      await()
          .during(Duration.ofMillis(500))
          .atMost(Duration.ofSeconds(5))
          .until(() -> PooledByteBufAllocator.DEFAULT.metric().usedDirectMemory() < MAX_IN_FLIGHT);
      int documents = 0;
      int ends = 0;
      while (ends < bucket.vbucketCount()) {
        RawClient.Frame message = client.message();
        documents += message.opcode() == Opcode.DCP_MUTATION ? 1 : 0;
        ends += message.opcode() == Opcode.DCP_STREAM_END ? 1 : 0;
      }
      assertThat(documents).isEqualTo(DOCUMENTS);
    }
  }
}
