// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Holds docs/couchbase-dcp-component.md against the component's generated metadata. */
@Tag("unit")
class ComponentDocsTest {
  private static final String METADATA = "/META-INF/dev/caravan/component/couchbase-dcp.json";

  private static String docs;
  private static JsonNode metadata;

  @BeforeAll
  static void read() throws IOException {
    docs = Files.readString(Path.of("docs", "couchbase-dcp-component.md"));
    try (InputStream json = ComponentDocsTest.class.getResourceAsStream(METADATA)) {
      metadata = new ObjectMapper().readTree(json);
    }
  }

  @Test
  void everyOptionIsDescribedWithItsDefault() {
    for (Map.Entry<String, JsonNode> option : metadata.path("properties").properties()) {
      String name = option.getKey();
      JsonNode description = option.getValue();
      assertThat(docs).as(name).containsPattern("\\b" + name + "\\b");
      if (description.path("group").asText().contains("advanced")
          && !description.path("configurationField").isTextual()) {
        continue; // every Camel consumer has it
      }
      assertThat(docs).as(name).contains(description.path("description").asText());
      if (description.has("defaultValue")) {
        assertThat(docs)
            .as(name)
            .containsPattern(
                "\\| \\**"
                    + name
                    + "\\** \\| `"
                    + description.path("defaultValue").asText()
                    + "` \\|");
      }
    }
  }

  @Test
  void everyHeaderIsDescribed() {
    for (Map.Entry<String, JsonNode> header : metadata.path("headers").properties()) {
      assertThat(docs)
          .contains("| " + header.getKey() + " |")
          .contains(header.getValue().path("description").asText());
    }
  }
}
