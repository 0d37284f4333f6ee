// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import java.util.Collection;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.NewTopic;

/** Creates topics. */
public final class TopicCreator {
  private static final int TIMEOUT_SECONDS = 30;

  private TopicCreator() {}

  /**
   * Creates topics and returns when the broker has confirmed them.
   *
   * @throws ExecutionException if Kafka refuses, for example because a topic exists
   * @throws TimeoutException if Kafka does not confirm within 30 s
   */
  public static void create(String brokers, Collection<NewTopic> topics)
      throws InterruptedException, ExecutionException, TimeoutException {
    try (Admin admin = Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, brokers))) {
      admin.createTopics(topics).all().get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
    }
  }
}
