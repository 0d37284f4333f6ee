// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("unit")
class VbucketSelectionTest {

  @Test
  void allMeansAll() {
    assertThat(VbucketSelection.parse("all").of(64))
        .isEqualTo(IntStream.range(0, 64).boxed().toList());
  }

  @Test
  void rangesAndNumbersAreJoined() {
    assertThat(VbucketSelection.parse(" 700, 3-5,4-6 ,0").of(1024))
        .containsExactly(0, 3, 4, 5, 6, 700);
  }

  @ParameterizedTest
  @CsvSource({"1024,1", "1024,3", "1024,7", "64,64", "64,5", "8,11"})
  void sharesCoverEveryVbucketOnceAndDifferByAtMostOne(int vbuckets, int shares) {
    List<Integer> all = new ArrayList<>();
    List<Integer> sizes = new ArrayList<>();
    for (int share = 0; share < shares; share++) {
      List<Integer> part = VbucketSelection.parse(share + "/" + shares).of(vbuckets);
      all.addAll(part);
      sizes.add(part.size());
    }
    assertThat(all).isEqualTo(IntStream.range(0, vbuckets).boxed().toList());
    assertThat(sizes)
        .allMatch(size -> size == vbuckets / shares || size == (vbuckets + shares - 1) / shares);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "some",
        "1-",
        "-1",
        "1,,2",
        "5-3",
        "0-1024",
        "9999999999",
        "4/4",
        "0/0",
        "0/1025",
        "1/2/3",
        "a/b",
        "0-3 4"
      })
  void anythingElseIsRefusedWithTheValueAndTheForms(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> VbucketSelection.parse(text))
        .withMessageContaining("vbuckets '" + text + "'")
        .withMessageContaining("Use 'all'");
  }

  @ParameterizedTest(name = "{0} and {1}: {2}")
  @CsvSource({
    "all,all,true",
    "all,1023,true",
    "0/2,1/2,false",
    "0/2,0/2,true",
    "0/3,2/6,false",
    "0/3,1/6,true",
    "1/3,1/2,true",
    "'0-511','512-1023',false",
    "'0-511,700','700-701',true",
    "'0-7',1/2,true",
    "'512-1023',0/2,false"
  })
  void selectionsOverlapIfTheyMayHaveAVbucketInCommon(String one, String other, boolean overlap) {
    VbucketSelection first = VbucketSelection.parse(one);
    VbucketSelection second = VbucketSelection.parse(other);

    assertThat(first.overlaps(second)).isEqualTo(overlap);
    assertThat(second.overlaps(first)).isEqualTo(overlap);
  }

  @Test
  void aVbucketThatTheBucketDoesntHaveIsRefused() {
    VbucketSelection selection = VbucketSelection.parse("0-100");

    assertThatIllegalArgumentException()
        .isThrownBy(() -> selection.of(64))
        .withMessageContaining("vBucket 100")
        .withMessageContaining("0 to 63");
  }
}
