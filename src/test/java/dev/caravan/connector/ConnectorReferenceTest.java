// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.kafka.common.config.ConfigDef;
import org.junit.jupiter.api.Test;

/** Generates the table of keys of docs/connector-reference.md from {@link ConnectorOptions}. */
class ConnectorReferenceTest {
  private static final Path FILE = Path.of("docs", "connector-reference.md");
  private static final String COMMAND =
      "mvn test -Dtest=ConnectorReferenceTest -Dcaravan.docs.write=true";
  private static final String BEGIN =
      "<!-- begin of the keys, generated from ConnectorOptions.java by:\n     "
          + COMMAND
          + " -->\n";
  private static final String END = "<!-- end of the keys -->\n";

  @Test
  void theReferenceHasTheOptionsOfTheCode() throws IOException {
    String committed = Files.readString(FILE);
    assertThat(committed).contains(BEGIN, END);
    String expected =
        committed.substring(0, committed.indexOf(BEGIN) + BEGIN.length())
            + keys()
            + committed.substring(committed.indexOf(END));
    if (Boolean.getBoolean("caravan.docs.write")) {
      Files.writeString(FILE, expected);
      return;
    }
    assertThat(committed)
        .as("%s differs from the options of the code. Renew it with: %s", FILE, COMMAND)
        .isEqualTo(expected);
  }

  private static String keys() {
    StringBuilder text = new StringBuilder();
    ConnectorOptions.byGroup()
        .forEach(
            (group, options) -> {
              text.append("\n### ").append(group.title()).append("\n\n");
              text.append("| key | default | valid values | description |\n|---|---|---|---|\n");
              options.forEach(option -> text.append(row(option)));
            });
    return text.append('\n').toString();
  }

  private static String row(ConnectorOption<?> option) {
    ConnectorOption.EndpointOption<?> endpoint = option.endpoint();
    return "| `%s` | %s | %s | %s%s |%n"
        .formatted(
            option.key(),
            defaultValue(option),
            option.validValues(),
            option.documentation(),
            endpoint == null ? "" : " Component option: `" + endpoint.name() + "`.")
        .replace(System.lineSeparator(), "\n");
  }

  private static String defaultValue(ConnectorOption<?> option) {
    if (ConfigDef.NO_DEFAULT_VALUE.equals(option.defaultValue())) {
      return "required";
    }
    String value = ConfigDef.convertToString(option.defaultValue(), option.type());
    return value == null || value.isEmpty() ? "none" : "`" + value + "`";
  }
}
