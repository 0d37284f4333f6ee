// SPDX-License-Identifier: Apache-2.0
package dev.caravan.kamelet;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/** The rules by which the Kamelet catalogue checks its Kamelets, held against ours. */
@Tag("unit")
class KameletDefinitionTest {
  private static final String NAME = "couchbase-dcp-source";
  private static final Pattern PARAMETER = Pattern.compile("\\{\\{\\??([a-zA-Z]+)}}");

  private static JsonNode kamelet;

  @BeforeAll
  static void load() throws IOException {
    try (InputStream yaml =
        KameletDefinitionTest.class.getResourceAsStream("/kamelets/" + NAME + ".kamelet.yaml")) {
      Object document = new Load(LoadSettings.builder().build()).loadFromInputStream(yaml);
      kamelet = new ObjectMapper().valueToTree(document);
    }
  }

  @Test
  void isASourceByNameLabelAndTitle() {
    assertThat(kamelet.path("kind").asText()).isEqualTo("Kamelet");
    assertThat(kamelet.at("/metadata/name").asText()).isEqualTo(NAME);
    assertThat(label("camel.apache.org/kamelet.type")).isEqualTo("source");
    assertThat(kamelet.at("/spec/definition/title").asText()).endsWith(" Source");
    assertThat(kamelet.at("/spec/definition/type").asText()).isEqualTo("object");
    assertThat(kamelet.at("/spec/definition/description").asText()).isNotBlank();
  }

  @Test
  void hasTheAnnotationsOfTheCatalogue() {
    assertThat(annotation("camel.apache.org/kamelet.support.level"))
        .isIn("Preview", "Stable", "Experimental");
    assertThat(annotation("camel.apache.org/catalog.version")).isNotBlank();
    assertThat(annotation("camel.apache.org/provider")).isNotBlank();
    assertThat(annotation("camel.apache.org/kamelet.group")).isNotBlank();
    String icon = annotation("camel.apache.org/kamelet.icon");
    assertThat(icon).startsWith("data:image/svg+xml;base64,");
    assertThat(new String(Base64.getDecoder().decode(icon.substring(icon.indexOf(',') + 1)), UTF_8))
        .startsWith("<svg");
  }

  @Test
  void describesEachPropertyInWholeSentencesUnderACapitalisedTitle() {
    kamelet
        .at("/spec/definition/properties")
        .properties()
        .forEach(
            property -> {
              String name = property.getKey();
              assertThat(property.getValue().path("title").asText())
                  .as(name)
                  .matches("[A-Z]\\w*( [A-Z]\\w*)*");
              assertThat(property.getValue().path("description").asText()).as(name).endsWith(".");
              assertThat(property.getValue().path("type").asText()).as(name).isNotBlank();
            });
  }

  @Test
  void marksCredentials() {
    for (String name : List.of("username", "password")) {
      JsonNode property = kamelet.at("/spec/definition/properties/" + name);
      assertThat(property.at("/x-descriptors/0").asText()).isEqualTo("urn:camel:group:credentials");
    }
    assertThat(kamelet.at("/spec/definition/properties/password/format").asText())
        .isEqualTo("password");
  }

  @Test
  void usesExactlyTheParametersThatItDeclares() {
    Set<String> declared = new TreeSet<>();
    kamelet.at("/spec/definition/properties").fieldNames().forEachRemaining(declared::add);
    Set<String> used = new TreeSet<>();
    Matcher matcher = PARAMETER.matcher(kamelet.at("/spec/template").toString());
    while (matcher.find()) {
      used.add(matcher.group(1));
    }
    assertThat(used).isEqualTo(declared);
    assertThat(texts(kamelet.at("/spec/definition/required"))).isSubsetOf(declared);
  }

  @Test
  void endsAtTheSinkAndNamesItsDependencies() {
    JsonNode steps = kamelet.at("/spec/template/from/steps");
    assertThat(steps.get(steps.size() - 1).path("to").asText()).isEqualTo("kamelet:sink");
    assertThat(texts(kamelet.at("/spec/dependencies")))
        .contains("camel:kamelet")
        .allMatch(dependency -> dependency.matches("camel:[a-z-]+|mvn:[^:]+:[^:]+:[^:]+"));
  }

  private static String annotation(String name) {
    return kamelet.path("metadata").path("annotations").path(name).asText();
  }

  private static String label(String name) {
    return kamelet.path("metadata").path("labels").path(name).asText();
  }

  private static List<String> texts(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).map(JsonNode::asText).toList();
  }
}
