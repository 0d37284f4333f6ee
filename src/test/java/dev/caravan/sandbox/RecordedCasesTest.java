// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;

/** The index of the recorded cases leads to tests that exist, or to what is documented. */
@Tag("unit")
class RecordedCasesTest {
  private static final String NOT_IMITATED = "- ";
  private static List<String[]> cases;

  @BeforeAll
  static void read() throws IOException {
    try (var index = RecordedCasesTest.class.getResourceAsStream("recorded-cases.txt")) {
      cases =
          new String(index.readAllBytes(), StandardCharsets.UTF_8)
              .lines()
              .filter(line -> !line.isBlank() && !line.startsWith("#"))
              .map(line -> line.split(" \\| ", 2))
              .toList();
    }
  }

  @Test
  void everyCaseHasATestOrAReason() {
    assertThat(cases).hasSizeGreaterThan(290).allSatisfy(c -> assertThat(c).hasSize(2));
  }

  @Test
  void theTestsExist() {
    assertThat(cases)
        .filteredOn(c -> !c[1].startsWith(NOT_IMITATED))
        .allSatisfy(c -> assertThat(isTest(c[1])).as("%s | %s", c[0], c[1]).isTrue());
  }

  private static boolean isTest(String name) throws ClassNotFoundException {
    int dot = name.lastIndexOf('.');
    Class<?> type = Class.forName("dev.caravan.sandbox." + name.substring(0, dot));
    return Arrays.stream(type.getDeclaredMethods())
        .filter(method -> method.getName().equals(name.substring(dot + 1)))
        .anyMatch(RecordedCasesTest::isTest);
  }

  private static boolean isTest(Method method) {
    return method.isAnnotationPresent(Test.class)
        || method.isAnnotationPresent(ParameterizedTest.class);
  }

  @Test
  void whatIsNotImitatedIsDocumented() throws IOException {
    String documentation =
        Files.readString(Path.of("src/main/java/dev/caravan/sandbox/package-info.java"));
    assertThat(cases)
        .filteredOn(c -> c[1].startsWith(NOT_IMITATED))
        .isNotEmpty()
        .allSatisfy(
            c ->
                assertThat(documentation)
                    .containsIgnoringCase("<li>" + c[1].substring(NOT_IMITATED.length()) + ":"));
  }
}
