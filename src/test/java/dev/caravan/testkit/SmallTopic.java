// SPDX-License-Identifier: Apache-2.0
package dev.caravan.testkit;

import dev.caravan.cli.process.TopicCreator;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.clients.admin.NewTopic;

/** A topic that refuses records that the producer can send. */
public final class SmallTopic {
  /** More than a producer's batch, because Kafka's client splits smaller batches without end. */
  public static final int MAX_MESSAGE_BYTES = 200_000;

  private SmallTopic() {}

  /** Creates a topic of one partition. */
  public static void create(String brokers, String name) throws Exception {
    TopicCreator.create(
        brokers,
        List.of(
            new NewTopic(name, 1, (short) 1)
                .configs(Map.of("max.message.bytes", Integer.toString(MAX_MESSAGE_BYTES)))));
  }

  /** A JSON document that is too large even when it is compressed. */
  public static String tooLargeDocument() {
    byte[] random = new byte[2 * MAX_MESSAGE_BYTES];
    new Random(1).nextBytes(random);
    return '"' + Base64.getEncoder().encodeToString(random) + '"';
  }
}
