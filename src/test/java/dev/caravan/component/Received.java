// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** The end of a route: keeps what arrives. */
final class Received implements Processor {
  private final List<CouchbaseDcpMessage> messages = new CopyOnWriteArrayList<>();
  private final List<Integer> batchSizes = new CopyOnWriteArrayList<>();

  @Override
  public void process(Exchange exchange) {
    if (exchange.getIn().getBody() instanceof List<?> batch) {
      List<CouchbaseDcpMessage> items = new ArrayList<>();
      batch.forEach(item -> items.add((CouchbaseDcpMessage) item));
      messages.addAll(items);
      batchSizes.add(items.size());
    } else {
      messages.add(exchange.getIn(CouchbaseDcpMessage.class));
    }
  }

  List<CouchbaseDcpMessage> messages() {
    return messages;
  }

  List<Integer> batchSizes() {
    return batchSizes;
  }

  List<String> ids() {
    return messages.stream().map(CouchbaseDcpMessage::getDocumentId).toList();
  }

  void awaitCount(int count) {
    await().atMost(Routes.SOON).untilAsserted(() -> assertThat(messages).hasSize(count));
  }

  CouchbaseDcpMessage only() {
    awaitCount(1);
    return messages.get(0);
  }
}
