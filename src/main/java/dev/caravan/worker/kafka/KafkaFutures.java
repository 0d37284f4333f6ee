// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.kafka;

import static java.util.Objects.requireNonNullElse;

import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TimeoutException;

/**
 * Waits for the results of Kafka requests and turns every failure into a {@link KafkaException}.
 */
public final class KafkaFutures {
  private KafkaFutures() {}

  /**
   * Waits for the result of a request.
   *
   * @param failure the start of the error message, such as "Kafka did not list the offsets"
   * @return the result
   * @throws KafkaException if the request fails; its cause is the failure itself, not the {@link
   *     ExecutionException}
   * @throws TimeoutException if there is no result within the timeout
   * @throws InterruptException if the thread is interrupted, whose interrupt status is set again
   */
  public static <T> T await(Future<T> result, String failure, Duration timeout) {
    try {
      return result.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      Throwable cause = requireNonNullElse(e.getCause(), e);
      throw new KafkaException(failure + ": " + cause.getMessage(), cause);
    } catch (java.util.concurrent.TimeoutException e) {
      throw new TimeoutException(
          failure
              + " within "
              + timeout.toSeconds()
              + " s. Check that Kafka is running and that \""
              + WorkerConfig.BOOTSTRAP_SERVERS
              + "\" is right.",
          e);
    } catch (InterruptedException e) {
      throw new InterruptException(failure + ": the thread was interrupted", e);
    }
  }
}
