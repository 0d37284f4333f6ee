// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FileOffsetStoreTest {
  private static final String OWNER = "route1";
  private static final Offset OFFSET = new Offset(-7, 20, 10, 30, 5);

  @TempDir private Path directory;
  private Path file;
  private FileOffsetStore store;

  @BeforeEach
  void createStore() {
    file = directory.resolve("data").resolve("offsets.json");
    store = new FileOffsetStore(file.toString());
  }

  @AfterEach
  void closeStore() throws IOException {
    store.close();
  }

  private static void save(FileOffsetStore store, String bucket, Map<Integer, Offset> offsets) {
    store.of(OWNER).save(bucket, offsets).toCompletableFuture().join();
  }

  @Test
  void withoutAFileThereAreNoOffsets() {
    assertThat(store.of(OWNER).load("travel", List.of(0, 1))).isEmpty();
  }

  @Test
  void offsetsOutliveTheStore() throws IOException {
    save(store, "travel", Map.of(0, OFFSET, 1023, new Offset(1, 2, 2, 2, 0)));
    save(store, "beer", Map.of(0, new Offset(3, 4, 4, 4, 0)));
    save(store, "travel", Map.of(0, new Offset(-7, 21, 10, 30, 5)));
    store.close();

    try (FileOffsetStore later = new FileOffsetStore(file.toString())) {
      assertThat(later.of(OWNER).load("travel", List.of(0, 1)))
          .isEqualTo(Map.of(0, new Offset(-7, 21, 10, 30, 5)));
      assertThat(later.of(OWNER).load("travel", List.of(1023))).containsKey(1023);
      assertThat(later.of(OWNER).load("beer", List.of(0)))
          .isEqualTo(Map.of(0, new Offset(3, 4, 4, 4, 0)));
    }
  }

  /** The offsets of the golden file by owner and bucket. */
  private static final Map<String, Map<String, Map<Integer, Offset>>> GOLDEN =
      Map.of(
          "route1",
          Map.of(
              "travel",
              Map.of(
                  1023, new Offset(1, 2, 2, 2, 0),
                  2, new Offset(-7, 20, 10, 30, 5),
                  17, new Offset(1, 19, 0, Long.MAX_VALUE, 5)),
              "beer-sample",
              Map.of(0, new Offset(3, 4, 4, 4, 0))),
          "orders é",
          Map.of("orders", Map.of(0, new Offset(Long.MAX_VALUE, 0, 0, 0, 0))));

  private static byte[] goldenFile() throws IOException {
    try (InputStream in = FileOffsetStoreTest.class.getResourceAsStream("offset-file.json")) {
      return in.readAllBytes();
    }
  }

  @Test
  void theFileIsWrittenAsTheGoldenFileByteForByte() throws IOException {
    GOLDEN.forEach(
        (owner, buckets) ->
            buckets.forEach(
                (bucket, offsets) ->
                    store.of(owner).save(bucket, offsets).toCompletableFuture().join()));
    assertThat(file).hasBinaryContent(goldenFile());
  }

  @Test
  void theGoldenFileIsReadAndWrittenAgainUnchanged() throws IOException {
    Files.createDirectories(file.getParent());
    Files.write(file, goldenFile());
    GOLDEN.forEach(
        (owner, buckets) ->
            buckets.forEach(
                (bucket, offsets) ->
                    assertThat(store.of(owner).load(bucket, offsets.keySet())).isEqualTo(offsets)));
    Files.delete(file);
    save(store, "travel", Map.of());
    assertThat(file).hasBinaryContent(goldenFile());
  }

  @Test
  void ownersOfTheSameBucketAreKeptApart() throws IOException {
    Offset ahead = new Offset(-7, 1000, 1000, 1000, 5);
    save(store, "travel", Map.of(0, OFFSET, 1, OFFSET));
    store.of("route2").save("travel", Map.of(0, ahead)).toCompletableFuture().join();
    store.close();

    try (FileOffsetStore later = new FileOffsetStore(file.toString())) {
      assertThat(later.of("route1").load("travel", List.of(0, 1)))
          .isEqualTo(Map.of(0, OFFSET, 1, OFFSET));
      assertThat(later.of("route2").load("travel", List.of(0, 1))).isEqualTo(Map.of(0, ahead));
      assertThat(later.of("route3").load("travel", List.of(0, 1))).isEmpty();
    }
    assertThat(new ObjectMapper().readTree(file.toFile()).at("/owners/route2/travel/0/bySeqno"))
        .hasToString("1000");
  }

  @Test
  void aFileWithoutOwnersIsRefusedWithTheWayToKeepIt() throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, "{\"buckets\":{\"travel\":{\"0\":{\"bySeqno\":1}}}}");

    assertThatThrownBy(() -> store.of(OWNER).load("travel", List.of(0)))
        .hasMessageContaining("it has \"buckets\" without owners")
        .hasMessageContaining("{\"owners\":{\"<route id or offsetKey>\":{");
  }

  @Test
  void aSaveWithoutALoadKeepsTheOtherOffsets() throws IOException {
    save(store, "travel", Map.of(0, OFFSET));
    store.close();

    save(store, "travel", Map.of(1, OFFSET));

    assertThat(store.of(OWNER).load("travel", List.of(0, 1))).containsOnlyKeys(0, 1);
  }

  @Test
  void savesThatComeTogetherAreAllWritten() throws IOException {
    List<CompletableFuture<Void>> saves =
        IntStream.range(0, 1000)
            .mapToObj(i -> store.of(OWNER).save("travel", Map.of(i, OFFSET)).toCompletableFuture())
            .toList();
    saves.forEach(CompletableFuture::join);
    store.close();

    assertThat(store.of(OWNER).load("travel", IntStream.range(0, 1000).boxed().toList()))
        .hasSize(1000);
  }

  @Test
  void aPartialWriteOfADeadProcessIsIgnored() throws IOException {
    save(store, "travel", Map.of(0, OFFSET));
    store.close();
    Files.writeString(
        file.resolveSibling("offsets.json.tmp"), "{\"owners\":{\"route1\":{\"travel\":{");

    assertThat(store.of(OWNER).load("travel", List.of(0))).isEqualTo(Map.of(0, OFFSET));
    save(store, "travel", Map.of(1, OFFSET));
    assertThat(file.getParent().toFile().list())
        .containsExactlyInAnyOrder("offsets.json", "offsets.json.lock");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{\"owners\":{\"route1\":{\"travel\":{\"0\":{\"bySeq",
        "{}",
        "{\"owners\":{\"route1\":{\"travel\":{\"x\":{\"bySeqno\":1}}}}}",
        "{\"owners\":{\"route1\":{\"travel\":{\"0\":{\"vbuuid\":1}}}}}",
        "{\"buckets\":{\"travel\":{\"0\":{\"bySeqno\":1}}}}"
      })
  void aFileWithoutOffsetsIsRefusedAndNotChanged(String content) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, content);

    assertThatThrownBy(() -> store.of(OWNER).load("travel", List.of(0)))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("Offset file \"" + file + "\" cannot be read: ")
        .hasMessageEndingWith(
            ". Restore a valid copy, or delete the file to start without offsets.");
    assertThat(store.of(OWNER).save("travel", Map.of(0, OFFSET)).toCompletableFuture())
        .isCompletedExceptionally();
    assertThat(file).hasContent(content);

    Files.delete(file);
    assertThat(store.of(OWNER).load("travel", List.of(0))).isEmpty();
  }

  @Test
  void twoStoresDontShareAFile() throws IOException {
    save(store, "travel", Map.of(0, OFFSET));
    try (FileOffsetStore other = new FileOffsetStore(file.toString())) {
      assertThatThrownBy(() -> other.of(OWNER).load("travel", List.of(0)))
          .hasMessageContaining("Offset file \"" + file + "\" is in use by another offset store");

      store.close();
      assertThat(other.of(OWNER).load("travel", List.of(0))).isEqualTo(Map.of(0, OFFSET));
    }
  }

  @Test
  void aFileThatCantBeWrittenFailsTheSave() throws IOException {
    save(store, "travel", Map.of(0, OFFSET));
    Files.createDirectory(file.resolveSibling("offsets.json.tmp"));

    assertThat(store.of(OWNER).save("travel", Map.of(1, OFFSET)).toCompletableFuture())
        .failsWithin(10, TimeUnit.SECONDS)
        .withThrowableThat()
        .withMessageContaining("Offset file \"" + file + "\" cannot be written");
    Files.delete(file.resolveSibling("offsets.json.tmp"));
    save(store, "travel", Map.of(2, OFFSET));
    store.close();
    assertThat(store.of(OWNER).load("travel", List.of(0, 1, 2))).containsOnlyKeys(0, 1, 2);
  }

  @Test
  void aProcessThatIsKilledLeavesOneOfItsStates() throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.addAll(List.of(Saver.class.getName(), file.toString()));
    for (int kill = 0; kill < 3; kill++) {
      Process process = new ProcessBuilder(command).inheritIO().start();
      try {
        long before = kill == 0 ? 0 : seqno();
        await()
            .atMost(30, TimeUnit.SECONDS)
            .until(() -> Files.exists(file) && seqno() > before + 100);
        assertThatThrownBy(() -> store.of(OWNER).load("travel", List.of(0)))
            .hasMessageContaining("is in use by another offset store");
      } finally {
        process.destroyForcibly().waitFor();
      }
      Map<Integer, Offset> saved =
          store.of(OWNER).load("travel", IntStream.range(0, 1024).boxed().toList());
      assertThat(saved).hasSize(1024);
      assertThat(saved.values()).containsOnly(saved.get(0));
      store.close();
    }
  }

  private long seqno() throws IOException {
    return new ObjectMapper()
        .readTree(file.toFile())
        .at("/owners/route1/travel/0/bySeqno")
        .longValue();
  }

  /** Saves again and again the same offset for all vBuckets, with a growing seqno. */
  static final class Saver {
    private Saver() {}

    public static void main(String[] args) {
      FileOffsetStore store = new FileOffsetStore(args[0]);
      Map<Integer, Offset> loaded = store.of(OWNER).load("travel", List.of(0));
      long seqno = loaded.isEmpty() ? 0 : loaded.get(0).bySeqno();
      while (true) {
        seqno++;
        Map<Integer, Offset> offsets = new HashMap<>();
        for (int vbucket = 0; vbucket < 1024; vbucket++) {
          offsets.put(vbucket, new Offset(1, seqno, seqno, seqno, 0));
        }
        save(store, "travel", offsets);
      }
    }
  }
}
