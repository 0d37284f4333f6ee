// SPDX-License-Identifier: Apache-2.0
package dev.caravan.contract;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;

/**
 * The number of bytes per second that the broker accepts from each client. The broker delays its
 * responses to clients that send more.
 */
final class ProducerQuota implements AutoCloseable {
  private static final ClientQuotaEntity EVERY_CLIENT =
      new ClientQuotaEntity(Collections.singletonMap(ClientQuotaEntity.CLIENT_ID, null));

  private final Admin admin;

  ProducerQuota(String brokers) {
    admin = Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, brokers));
  }

  void limitProducers(int bytesPerSecond) {
    set((double) bytesPerSecond);
  }

  void lift() {
    set(null);
  }

  private void set(Double bytesPerSecond) {
    ClientQuotaAlteration.Op rate =
        new ClientQuotaAlteration.Op("producer_byte_rate", bytesPerSecond);
    admin
        .alterClientQuotas(List.of(new ClientQuotaAlteration(EVERY_CLIENT, List.of(rate))))
        .all()
        .toCompletionStage()
        .toCompletableFuture()
        .join();
  }

  @Override
  public void close() {
    try {
      lift();
    } finally {
      admin.close();
    }
  }
}
