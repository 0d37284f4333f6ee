// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TransactionalIdNotFoundException;

/**
 * Who may write in a task's name, as Kafka's transaction coordinators know it. Every call blocks;
 * safe for use by several threads.
 */
final class TransactionOwners {
  private static final Duration TIMEOUT = Duration.ofSeconds(60);

  private final Admin admin;

  TransactionOwners(Admin admin) {
    this.admin = admin;
  }

  /**
   * Aborts what earlier sets of a connector's tasks have open, and takes from them the right to
   * write. Does no harm to tasks of the same set, however often it is called.
   */
  void fenceOlderThan(TransactionalId id) {
    List<String> older =
        await("list", id, admin.listTransactions().all()).stream()
            .map(TransactionListing::transactionalId)
            .filter(id::isOlder)
            .toList();
    if (!older.isEmpty()) {
      await("fence those before", id, admin.fenceProducers(older).all());
    }
  }

  /**
   * Whether the last one who opened a producer with this id did so with this transaction timeout:
   * it is all that an owner chooses and everybody can read. The epoch doesn't tell, since the
   * coordinator raises it too when a transaction has timed out.
   */
  boolean isOwnedWith(Duration transactionTimeout, TransactionalId id) {
    try {
      return await(
                  "describe",
                  id,
                  admin.describeTransactions(List.of(id.toString())).description(id.toString()))
              .transactionTimeoutMs()
          == transactionTimeout.toMillis();
    } catch (TransactionalIdNotFoundException forgotten) {
      // Kafka forgets an id that was not used for a week.
      return true;
    }
  }

  private static <T> T await(String what, TransactionalId id, KafkaFuture<T> future) {
    try {
      return future.get(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof KafkaException cause) {
        throw cause;
      }
      throw new KafkaException(e.getCause());
    } catch (TimeoutException e) {
      throw new org.apache.kafka.common.errors.TimeoutException(
          "Kafka did not answer the request to "
              + what
              + " transactional id "
              + id
              + " within "
              + TIMEOUT.toSeconds()
              + " s",
          e);
    } catch (InterruptedException e) {
      // Sets the thread's interrupted flag again.
      throw new InterruptException(e);
    }
  }
}
