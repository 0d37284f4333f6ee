// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("unit")
class CoalescedRequestTest {
  private final List<CompletableFuture<String>> sent = new ArrayList<>();
  private final CoalescedRequest<String> request =
      new CoalescedRequest<>(
          () -> {
            CompletableFuture<String> answer = new CompletableFuture<>();
            sent.add(answer);
            return answer;
          });

  @Test
  void callersThatComeMeanwhileShareTheNextQuestion() {
    CompletableFuture<String> first = request.send();
    CompletableFuture<String> second = request.send();
    CompletableFuture<String> third = request.send();
    assertThat(sent).hasSize(1);

    sent.get(0).complete("old");
    assertThat(first).isCompletedWithValue("old");
    assertThat(second).isNotDone();
    assertThat(sent).hasSize(2);

    CompletableFuture<String> fourth = request.send();
    sent.get(1).complete("new");
    assertThat(second).isCompletedWithValue("new");
    assertThat(third).isCompletedWithValue("new");
    assertThat(fourth).as("sent after the second question").isNotDone();
    sent.get(2).complete("newest");
    assertThat(fourth).isCompletedWithValue("newest");
  }

  @Test
  void aFailureReachesOnlyTheCallersOfThatRequest() {
    CompletableFuture<String> first = request.send();
    CompletableFuture<String> second = request.send();
    sent.get(0).completeExceptionally(new IllegalStateException("down"));
    assertThat(first).isCompletedExceptionally();

    sent.get(1).complete("up");
    assertThat(second).isCompletedWithValue("up");
    assertThat(request.send()).isNotDone();
    assertThat(sent).hasSize(3);
  }

  /** A cancelled result does not cancel those of other callers. */
  @Test
  void aCallerMayCancel() {
    CompletableFuture<String> first = request.send();
    CompletableFuture<String> other = request.send();
    CompletableFuture<String> another = request.send();
    other.cancel(true);
    first.cancel(true);
    sent.get(0).complete("old");
    sent.get(1).complete("new");
    assertThat(another).isCompletedWithValue("new");
  }
}
