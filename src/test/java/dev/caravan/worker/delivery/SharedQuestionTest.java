// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class SharedQuestionTest {
  private final List<CompletableFuture<String>> asked = new ArrayList<>();
  private final SharedQuestion<String> question =
      new SharedQuestion<>(
          () -> {
            CompletableFuture<String> answer = new CompletableFuture<>();
            asked.add(answer);
            return answer;
          });

  @Test
  void callersThatComeMeanwhileShareTheNextQuestion() {
    CompletableFuture<String> first = question.ask();
    CompletableFuture<String> second = question.ask();
    CompletableFuture<String> third = question.ask();
    assertThat(asked).hasSize(1);

    asked.get(0).complete("old");
    assertThat(first).isCompletedWithValue("old");
    assertThat(second).isNotDone();
    assertThat(asked).hasSize(2);

    CompletableFuture<String> fourth = question.ask();
    asked.get(1).complete("new");
    assertThat(second).isCompletedWithValue("new");
    assertThat(third).isCompletedWithValue("new");
    assertThat(fourth).as("asked after the second question").isNotDone();
    asked.get(2).complete("newest");
    assertThat(fourth).isCompletedWithValue("newest");
  }

  @Test
  void aFailureIsTheAnswerOfThoseWhoAskedOnly() {
    CompletableFuture<String> first = question.ask();
    CompletableFuture<String> second = question.ask();
    asked.get(0).completeExceptionally(new IllegalStateException("down"));
    assertThat(first).isCompletedExceptionally();

    asked.get(1).complete("up");
    assertThat(second).isCompletedWithValue("up");
    assertThat(question.ask()).isNotDone();
    assertThat(asked).hasSize(3);
  }

  /** A caller that gives up takes nobody else's answer away. */
  @Test
  void aCallerMayCancel() {
    CompletableFuture<String> first = question.ask();
    CompletableFuture<String> other = question.ask();
    CompletableFuture<String> another = question.ask();
    other.cancel(true);
    first.cancel(true);
    asked.get(0).complete("old");
    asked.get(1).complete("new");
    assertThat(another).isCompletedWithValue("new");
  }
}
