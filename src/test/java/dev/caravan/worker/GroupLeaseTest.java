// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class GroupLeaseTest {
  private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - 5_000_000_000L);
  private final GroupLease lease = new GroupLease(Duration.ofSeconds(9), now::get);

  private void after(double seconds) {
    now.addAndGet((long) (seconds * 1e9));
  }

  @Test
  void thereIsNoneBeforeTheFirstAssignment() {
    assertThat(lease.isOver()).isTrue();
    lease.confirm();
    assertThat(lease.isOver()).isTrue();
    lease.begin();
    assertThat(lease.isOver()).isFalse();
  }

  @Test
  void withoutAnAnswerItIsOverAfterTwoThirdsOfTheSession() {
    lease.begin();
    after(5.9);
    assertThat(lease.isOver()).isFalse();
    after(0.1);
    assertThat(lease.isOver()).isTrue();
  }

  @Test
  void eachAnswerProlongsIt() {
    lease.begin();
    for (int i = 0; i < 10; i++) {
      after(5);
      lease.confirm();
    }
    after(5.9);
    assertThat(lease.isOver()).isFalse();
  }

  @Test
  void anAnswerThatComesTooLateDoesNotBringItBack() {
    lease.begin();
    after(60);
    lease.confirm();
    lease.confirm(now.get());
    assertThat(lease.isOver()).isTrue();
    lease.begin();
    assertThat(lease.isOver()).isFalse();
  }

  @Test
  void aGroupThatWaitsHoldsOnToItFromWhenItWasAsked() {
    lease.begin();
    after(3);
    long asked = now.get();
    after(2);
    lease.confirm(asked);
    assertThat(lease.age()).hasSeconds(2);
    after(3.9);
    assertThat(lease.isOver()).isFalse();
    after(0.1);
    assertThat(lease.isOver()).isTrue();
  }

  @Test
  void anOldAnswerDoesNotShortenIt() {
    long asked = now.get();
    after(5);
    lease.begin();
    lease.confirm(asked);
    after(5.9);
    assertThat(lease.isOver()).isFalse();
  }
}
