// SPDX-License-Identifier: Apache-2.0
package dev.caravan;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The recordings of a Couchbase node and of the official connector are in {@code
 * src/test/resources}, and contain what comments and the index of recorded cases cite of them.
 */
@Tag("unit")
class RecordingsTest {
  private static final Path RESOURCES = Path.of("src", "test", "resources");
  private static final Path COUCHBASE = RESOURCES.resolve("couchbase-kv");
  private static final String PROTOCOL = "answers-protocol.txt";
  private static final Pattern COMMENT = Pattern.compile("/\\*\\*?(.*?)\\*/|//(.*?)$", 0x28);

  /** A file, with or without its folder and its extension. */
  private static final Pattern CITATION =
      Pattern.compile(
          "(?:(?:couchbase-kv|official-connector)/)?"
              + "\\b(?:answers-[a-z-]*[a-z]|topic-(?:configs|offsets|status)|records-raw-[a-z]+|java-dcp-client-trace)\\b"
              + "(?:\\.txt)?|\\b(?:couchbase-kv|official-connector)/[\\w-]+\\.\\w+");

  private static final Pattern QUOTATION =
      Pattern.compile("couchbase-kv/README\\.md:? \"([^\"]+)\"");

  private static List<Path> files(Path folder, String suffix) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(file -> file.toString().endsWith(suffix)).sorted().toList();
    }
  }

  /** The text of each comment of a source, without its stars and line ends. */
  private static List<String> comments(Path source) throws IOException {
    List<String> comments = new ArrayList<>();
    Matcher comment = COMMENT.matcher(Files.readString(source));
    while (comment.find()) {
      comments.add(comment.group().replaceAll("\\s*\\R\\s*(?:\\*(?!/)|//)?\\s*", " "));
    }
    return comments;
  }

  private static String words(String text) {
    return text.replaceAll("\\s+", " ");
  }

  @Test
  void citedFilesExist() throws IOException {
    List<String> names = new ArrayList<>();
    for (Path file : files(RESOURCES, "")) {
      if (Files.isRegularFile(file)) {
        names.add(RESOURCES.relativize(file).toString().replace('\\', '/'));
      }
    }
    int citations = 0;
    for (Path source : files(Path.of("src"), ".java")) {
      for (String comment : comments(source)) {
        Matcher citation = CITATION.matcher(comment);
        while (citation.find()) {
          String cited = citation.group();
          String name = cited.contains(".") ? cited : cited + ".txt";
          assertThat(names)
              .as("\"%s\", cited in %s", cited, source)
              .anyMatch(file -> file.equals(name) || file.endsWith("/" + name));
          citations++;
        }
      }
    }
    assertThat(citations).isGreaterThan(20);
  }

  @Test
  void quotationsOfTheNotesAreInThem() throws IOException {
    String notes = words(Files.readString(COUCHBASE.resolve("README.md")));
    int quotations = 0;
    for (Path source : files(Path.of("src"), ".java")) {
      for (String comment : comments(source)) {
        Matcher quotation = QUOTATION.matcher(comment);
        while (quotation.find()) {
          assertThat(notes).as("cited in %s", source).contains(quotation.group(1));
          quotations++;
        }
      }
    }
    assertThat(quotations).isGreaterThan(5);
  }

  /** The index says under which file and which section each case is. */
  @Test
  void everyIndexedCaseIsInItsSection() throws IOException {
    String file = PROTOCOL;
    String text = "";
    Path index = files(RESOURCES, "recorded-cases.txt").get(0);
    for (String line : Files.readAllLines(index)) {
      if (line.matches("# (\\S+\\.txt|README\\.md)")) {
        file = line.substring(2);
        text = Files.readString(COUCHBASE.resolve(file));
      } else if (line.matches("# \\d\\d .*")) {
        text = section(line.substring(2, 4));
      } else if (line.contains(" | ")) {
        String recordedCase = line.substring(0, line.indexOf(" | "));
        assertThat(text).as("%s of %s", recordedCase, file).contains(recordedCase);
      }
    }
  }

  private static String section(String number) throws IOException {
    String answers = Files.readString(COUCHBASE.resolve(PROTOCOL));
    int start = answers.indexOf("=== " + number);
    int end = answers.indexOf("\n=== ", start);
    assertThat(start).as("section %s", number).isNotNegative();
    return end < 0 ? answers.substring(start) : answers.substring(start, end);
  }
}
