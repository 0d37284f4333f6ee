// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("unit")
class GroupLeaseTest {
  private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - 5_000_000_000L);
  private final GroupLease lease = new GroupLease(Duration.ofSeconds(9), now::get);

  private void after(double seconds) {
    now.addAndGet((long) (seconds * 1e9));
  }

  private void begin() {
    lease.onAssignment();
    assertThat(lease.onHeartbeat(now.get())).isTrue();
  }

  @Test
  void thereIsNoneBeforeAHeartbeatThatFollowsTheAssignment() {
    assertThat(lease.isOver()).isTrue();
    assertThat(lease.onHeartbeat(now.get())).as("without an assignment").isFalse();
    long early = now.get();
    after(1);
    lease.onAssignment();
    assertThat(lease.isPending()).isTrue();
    after(1);
    assertThat(lease.onHeartbeat(early)).as("sent before the assignment").isFalse();
    lease.extend(now.get());
    assertThat(lease.isOver()).as("that the group waits begins no lease").isTrue();
    assertThat(lease.onHeartbeat(now.get())).isTrue();
    assertThat(lease.isOver()).isFalse();
    assertThat(lease.isPending()).isFalse();
  }

  @Test
  void itEndsTwoThirdsOfTheSessionAfterTheHeartbeatWasSent() {
    lease.onAssignment();
    long sent = now.get();
    after(2);
    assertThat(lease.onHeartbeat(sent)).isTrue();
    after(3.9);
    assertThat(lease.isOver()).isFalse();
    after(0.1);
    assertThat(lease.isOver()).isTrue();
    assertThat(lease.hasEnded()).isTrue();
  }

  @Test
  void aHeartbeatAnsweredAfterTwoThirdsOfTheSessionBeginsNone() {
    lease.onAssignment();
    long sent = now.get();
    after(6);
    assertThat(lease.onHeartbeat(sent)).isFalse();
    assertThat(lease.isOver()).isTrue();
  }

  @Test
  void eachHeartbeatProlongsIt() {
    begin();
    for (int i = 0; i < 10; i++) {
      after(5);
      assertThat(lease.onHeartbeat(now.get())).isFalse();
    }
    after(5.9);
    assertThat(lease.isOver()).isFalse();
  }

  @Test
  void anAnswerThatComesTooLateDoesNotBringItBack() {
    begin();
    after(60);
    lease.onHeartbeat(now.get());
    lease.extend(now.get());
    assertThat(lease.isOver()).isTrue();
    begin();
    assertThat(lease.isOver()).isFalse();
  }

  @Test
  void anotherAssignmentLeavesItAsItIs() {
    begin();
    after(5);
    lease.onAssignment();
    assertThat(lease.isPending()).isFalse();
    after(1);
    assertThat(lease.isOver()).isTrue();
  }

  @Test
  void aGroupThatWaitsHoldsOnToItFromWhenItWasAsked() {
    begin();
    after(3);
    long asked = now.get();
    after(2);
    lease.extend(asked);
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
    begin();
    lease.extend(asked);
    after(5.9);
    assertThat(lease.isOver()).isFalse();
  }

  @Test
  void itEndsAtOnceWhenTheGroupHasForgottenTheWorker() {
    begin();
    lease.end();
    lease.onHeartbeat(now.get());
    assertThat(lease.hasEnded()).isTrue();
    lease.onAssignment();
    lease.end();
    assertThat(lease.onHeartbeat(now.get())).isFalse();
    assertThat(lease.isOver()).isTrue();
  }
}
