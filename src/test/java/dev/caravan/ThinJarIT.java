// SPDX-License-Identifier: Apache-2.0
package dev.caravan;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import java.util.jar.Attributes;
import java.util.jar.Attributes.Name;
import java.util.jar.JarFile;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.Test;

/** What the jar holds that other Camel applications put on their class path. */
class ThinJarIT {
  private static List<String> entries() throws IOException {
    try (JarFile jar = new JarFile(System.getProperty("caravan.thin.jar"))) {
      return jar.stream().map(ZipEntry::getName).toList();
    }
  }

  private static Attributes manifest(String jar) throws IOException {
    try (JarFile file = new JarFile(jar)) {
      return file.getManifest().getMainAttributes();
    }
  }

  @Test
  void bothJarsNameTheirModuleAndTheirVersion() throws IOException {
    String thin = System.getProperty("caravan.thin.jar");
    Attributes thinManifest = manifest(thin);
    Attributes appManifest = manifest(thin.replace(".jar", "-app.jar"));

    assertThat(thinManifest.getValue("Automatic-Module-Name")).isEqualTo("dev.caravan");
    assertThat(appManifest.getValue("Automatic-Module-Name")).isEqualTo("dev.caravan.app");
    assertThat(thin)
        .endsWith("caravan-" + thinManifest.getValue(Name.IMPLEMENTATION_VERSION) + ".jar")
        .endsWith("caravan-" + appManifest.getValue(Name.IMPLEMENTATION_VERSION) + ".jar");
  }

  @Test
  void itHasTheComponentAndNothingOfTheProgram() throws IOException {
    assertThat(entries())
        .contains(
            "dev/caravan/component/CouchbaseDcpComponent.class",
            "dev/caravan/record/RecordConverter.class",
            "META-INF/services/org/apache/camel/component/couchbase-dcp",
            "kamelets/couchbase-dcp-source.kamelet.yaml",
            "routes/standalone.camel.yaml",
            "routes/couchbase-to-kafka.camel.yaml")
        .noneMatch(name -> name.matches("dev/caravan/(cli|rest|worker|connector|sandbox)/.+"))
        .doesNotContain("routes/demo-writer.camel.yaml", "log4j2.properties");
  }

  /** Quarkus reads an index instead of the jar, and fails on a class that the jar doesn't have. */
  @Test
  void itHasNoIndexThatNamesWhatIsNotThere() throws IOException {
    assertThat(entries()).doesNotContain("META-INF/jandex.idx");
  }
}
