// SPDX-License-Identifier: Apache-2.0
package dev.caravan;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Generates docs/component-reference.md from the component's metadata, and compares the two. */
@Tag("unit")
class ComponentReferenceTest {
  private static final Path REFERENCE = Path.of("docs", "component-reference.md");
  private static final String METADATA = "/META-INF/dev/caravan/component/couchbase-dcp.json";
  private static final String RENEW =
      "mvn test -Dtest=ComponentReferenceTest -Dcaravan.docs.write=true";

  private static JsonNode metadata() throws IOException {
    try (InputStream json = ComponentReferenceTest.class.getResourceAsStream(METADATA)) {
      return new ObjectMapper().readTree(json);
    }
  }

  @Test
  void theReferenceIsGeneratedFromTheMetadata() throws IOException {
    String generated = reference(metadata());
    if (Boolean.getBoolean("caravan.docs.write")) {
      Files.writeString(REFERENCE, generated);
    }
    assertThat(Files.readString(REFERENCE))
        .as("%s differs from the metadata of the component; renew it with: %s", REFERENCE, RENEW)
        .isEqualTo(generated);
  }

  private static String reference(JsonNode metadata) {
    JsonNode component = metadata.path("component");
    List<String> lines = new ArrayList<>();
    lines.add("# Component reference");
    lines.add("");
    lines.add("<!-- Generated from the Javadoc of the component's options. Renew it with:");
    lines.add("     " + RENEW + " -->");
    lines.add("");
    lines.add(component.path("description").asText());
    lines.add("");
    lines.add("    " + component.path("syntax").asText() + "[?options]");
    lines.add("");
    lines.add(
        "[The component couchbase-dcp](couchbase-dcp-component.md) explains how the options work"
            + " together. A duration is a number with its");
    lines.add(
        "unit, such as `500ms`, `60s` or `1m30s`, or a number of milliseconds. Required options are"
            + " in bold.");
    lines.add("");
    JsonNode endpoint = metadata.path("properties");
    groups(endpoint, Set.of())
        .forEach(
            (group, options) -> {
              lines.add("## Endpoint options: " + group);
              lines.add("");
              table(lines, options);
            });
    Set<String> shared = new TreeSet<>();
    endpoint.fieldNames().forEachRemaining(shared::add);
    lines.add("## Component options");
    lines.add("");
    lines.add(
        "The component has the endpoint options, too, as defaults for its endpoints, and these:");
    lines.add("");
    Map<String, JsonNode> own = new LinkedHashMap<>();
    groups(metadata.path("componentProperties"), shared).values().forEach(own::putAll);
    table(lines, own);
    lines.add("## Headers");
    lines.add("");
    lines.add("| header | type | |");
    lines.add("|---|---|---|");
    for (Map.Entry<String, JsonNode> header : metadata.path("headers").properties()) {
      lines.add(
          "| `%s` | %s | %s |"
              .formatted(
                  header.getKey(),
                  simpleName(header.getValue().path("javaType").asText()),
                  description(header.getValue())));
    }
    return String.join("\n", lines) + "\n";
  }

  /** Options by their group, in the order of the metadata, without some. */
  private static Map<String, Map<String, JsonNode>> groups(JsonNode options, Set<String> without) {
    Map<String, Map<String, JsonNode>> groups = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> option : options.properties()) {
      if (!without.contains(option.getKey())) {
        JsonNode value = option.getValue();
        String group =
            value.path("kind").asText().equals("path") ? "common" : value.path("group").asText();
        groups
            .computeIfAbsent(group, name -> new LinkedHashMap<>())
            .put(option.getKey(), option.getValue());
      }
    }
    return groups;
  }

  private static void table(List<String> lines, Map<String, JsonNode> options) {
    lines.add("| option | type | default | |");
    lines.add("|---|---|---|---|");
    options.forEach(
        (name, option) ->
            lines.add(
                "| %s | %s | %s | %s |"
                    .formatted(
                        option.path("required").asBoolean()
                            ? "**`" + name + "`**"
                            : "`" + name + "`",
                        type(option),
                        option.has("defaultValue")
                            ? "`" + option.path("defaultValue").asText() + "`"
                            : "",
                        description(option))));
    lines.add("");
  }

  private static String type(JsonNode option) {
    if (option.has("enum")) {
      List<String> values = new ArrayList<>();
      option.path("enum").forEach(value -> values.add("`" + value.asText() + "`"));
      return String.join(", ", values);
    }
    String type = option.path("type").asText();
    return type.equals("object") ? simpleName(option.path("javaType").asText()) : type;
  }

  private static String simpleName(String className) {
    return "`" + className.substring(className.lastIndexOf('.') + 1) + "`";
  }

  private static String description(JsonNode described) {
    return described.path("description").asText().replace("|", "\\|");
  }
}
