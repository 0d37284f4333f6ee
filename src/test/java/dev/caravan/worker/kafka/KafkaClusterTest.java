// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.kafka;

import static org.apache.kafka.common.acl.AclOperation.ALL;
import static org.apache.kafka.common.acl.AclOperation.CREATE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.caravan.sandbox.kafka.KafkaBroker;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.Resource;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.junit.jupiter.api.Test;

/** Topic requests with restricted rights, on a real Kafka. */
class KafkaClusterTest {
  private static final Map<String, String> ACLS =
      Map.of(
          "authorizer.class.name",
          "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
          "allow.everyone.if.no.acl.found",
          "true");

  @Test
  void aTopicThatIsThereNeedsNoRightToCreateOne() throws Exception {
    try (KafkaBroker kafka = KafkaBroker.start("127.0.0.1", 0, ACLS);
        Admin admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()));
        KafkaCluster cluster = new KafkaCluster(config(kafka))) {
      admin
          .createTopics(List.of(new NewTopic("letters", Optional.of(1), Optional.empty())))
          .all()
          .get(30, TimeUnit.SECONDS);
      ResourcePattern itself =
          new ResourcePattern(ResourceType.CLUSTER, Resource.CLUSTER_NAME, PatternType.LITERAL);
      ResourcePattern topics = new ResourcePattern(ResourceType.TOPIC, "*", PatternType.LITERAL);
      admin
          .createAcls(
              List.of(
                  acl(itself, CREATE, AclPermissionType.DENY),
                  acl(itself, ALL, AclPermissionType.ALLOW),
                  acl(topics, CREATE, AclPermissionType.DENY),
                  acl(topics, ALL, AclPermissionType.ALLOW)))
          .all()
          .get(30, TimeUnit.SECONDS);

      assertThatThrownBy(() -> cluster.create("missing", Optional.empty()))
          .hasCauseInstanceOf(AuthorizationException.class)
          .hasMessageContaining("create topic \"missing\"");
      assertThatCode(() -> cluster.create("letters", Optional.empty())).doesNotThrowAnyException();
      assertThat(cluster.topicId("letters", Duration.ofSeconds(30))).isPresent();
    }
  }

  private static AclBinding acl(
      ResourcePattern resource, AclOperation operation, AclPermissionType permission) {
    return new AclBinding(
        resource, new AccessControlEntry("User:ANONYMOUS", "*", operation, permission));
  }

  private static WorkerConfig config(KafkaBroker kafka) {
    return WorkerConfig.parse(
        Map.of("bootstrap.servers", kafka.bootstrapServers(), "group.id", "cluster"));
  }
}
