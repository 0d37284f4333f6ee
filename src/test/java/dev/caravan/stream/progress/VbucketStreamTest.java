// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.progress;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.offset.Offset;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("unit")
class VbucketStreamTest {
  private static VbucketStream from(Offset offset) {
    AckTracker progress = new AckTracker();
    progress.start(0, offset, true);
    return new VbucketStream(0, progress.of(0), (reread, position) -> {});
  }

  /** A stream request whose start is not within its snapshot is ERANGE (answers-rollback, T2). */
  @ParameterizedTest
  @CsvSource({"11, 20", "3, 9"})
  void anOffsetOutsideItsSnapshotIsAskedForWithout(long snapshotStart, long snapshotEnd) {
    assertThat(from(new Offset(7, 10, snapshotStart, snapshotEnd, 1)).offset())
        .isEqualTo(new Offset(7, 10, 10, 10, 1));
  }

  @Test
  void anOffsetInItsSnapshotIsAskedForAsItIs() {
    Offset offset = new Offset(7, 10, 4, 12, 1);

    assertThat(from(offset).offset()).isEqualTo(offset);
  }

  @Test
  void aSnapshotIsCleanFromItsEndOn() {
    VbucketStream stream = from(new Offset(7, 10, 10, 10, 0));
    stream.onSnapshot(10, 14, 0);
    stream.onChange(12, 1, 1, true);
    assertThat(stream.offset()).isEqualTo(new Offset(7, 12, 10, 14, 0));

    stream.onChange(14, 2, 2, true);
    assertThat(stream.offset()).isEqualTo(new Offset(7, 14, 14, 14, 0));

    // The next marker starts after a hole; the offset still names the clean point.
    stream.onSnapshot(16, 18, 0);
    stream.onChange(16, 3, 3, true);
    assertThat(stream.offset()).isEqualTo(new Offset(7, 16, 14, 18, 0));
  }
}
