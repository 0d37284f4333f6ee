// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.caravan.offset.FencedException;
import dev.caravan.offset.MemoryOffsetStore;
import dev.caravan.sandbox.kafka.KafkaBroker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Which of several processes with the same task may write. */
class TaskTransactionsTest {
  private static KafkaBroker kafka;
  private static Admin admin;

  private final List<TaskTransactions> opened = new ArrayList<>();

  @BeforeAll
  static void start() throws Exception {
    kafka = KafkaBroker.start();
    admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()));
  }

  @AfterAll
  static void stop() {
    admin.close();
    kafka.close();
  }

  @AfterEach
  void close() {
    opened.forEach(TaskTransactions::close);
  }

  /** Creates the task as each start does: only the claim survives a restart. */
  private TaskTransactions task(String connector, TransactionClaim claim, Duration timeout) {
    TransactionalId id = new TransactionalId("group", connector, 7, 0);
    TransactionalProducer producer =
        new TransactionalProducer(
            id.toString(), Map.of("bootstrap.servers", kafka.bootstrapServers()));
    TaskTransactions task =
        new TaskTransactions(
            id,
            producer,
            new MemoryOffsetStore().of("connector"),
            new TransactionFencer(admin),
            claim,
            Duration.ofSeconds(1),
            timeout);
    opened.add(task);
    return task;
  }

  private TaskTransactions task(String connector, TransactionClaim claim) {
    return task(connector, claim, Duration.ofSeconds(15));
  }

  @Test
  void aRestartedTaskDoesNotTakeItselfBack() {
    TransactionClaim ours = new TransactionClaim();
    task("taken", ours).open();
    TaskTransactions theirs = task("taken", new TransactionClaim());
    theirs.open();

    TaskTransactions restarted = task("taken", ours);
    assertThatThrownBy(restarted::open)
        .isInstanceOf(FencedException.class)
        .hasMessageContaining("connector taken was taken over");
    TaskTransactions again = task("taken", ours);
    assertThatThrownBy(again::open).isInstanceOf(FencedException.class);

    theirs.commit();
  }

  @Test
  void aTaskThatIsAssignedAgainTakesItOver() {
    TaskTransactions theirs = task("assigned", new TransactionClaim());
    theirs.open();

    TaskTransactions ours = task("assigned", new TransactionClaim());
    ours.open();

    ours.commit();
  }

  @Test
  void aRestartedTaskThatIsStillTheOwnerGoesOn() {
    TransactionClaim claim = new TransactionClaim();
    TaskTransactions first = task("restarted", claim);
    first.open();
    first.close();

    TaskTransactions second = task("restarted", claim);
    second.open();
    second.open();
    second.commit();
  }

  @Test
  void aTimeoutThatTheBrokerRefusesIsNamedWithARemedy() {
    TaskTransactions task = task("slow", new TransactionClaim(), Duration.ofHours(1));
    assertThatThrownBy(task::open)
        .hasMessageContaining("transaction.max.timeout.ms")
        .hasMessageContaining("transaction.boundary.interval.ms");
    assertThat(new TransactionClaim().timeout(Duration.ofSeconds(15)))
        .isBetween(Duration.ofSeconds(15), Duration.ofSeconds(20));
  }
}
