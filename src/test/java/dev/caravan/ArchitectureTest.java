// SPDX-License-Identifier: Apache-2.0
package dev.caravan;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.belongToAnyOf;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.GeneralCodingRules;
import dev.caravan.component.CouchbaseDcpMessage;
import dev.caravan.component.CouchbaseDcpRollbackMessage;
import dev.caravan.component.EventType;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Enforces the table of packages in CONTRIBUTING.md: arrows point down only. */
class ArchitectureTest {
  private static final String ROOT = "dev.caravan.";

  /** What each package may use of ours, besides itself. */
  private static final Map<String, List<String>> MAY_USE =
      Map.of(
          "rest", List.of("worker", "connector"),
          "worker", List.of("connector", "offset"),
          "connector", List.of("record", "component", "offset"),
          "record", List.of("component"),
          "component", List.of("stream", "offset"),
          "stream", List.of("offset"),
          "offset", List.of(),
          "sandbox", List.of());

  private static JavaClasses caravan;

  @BeforeAll
  static void importClasses() {
    caravan =
        new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("dev.caravan");
  }

  @Test
  void everyPackageIsInTheTable() {
    Set<String> packages =
        caravan.stream()
            .map(type -> type.getPackageName().substring(ROOT.length()))
            .collect(Collectors.toCollection(TreeSet::new));
    Set<String> table = new TreeSet<>(MAY_USE.keySet());
    table.add("cli");
    assertThat(packages).isEqualTo(table);
  }

  @Test
  void everyPackageSaysWhereNullIsMeant() {
    assertThat(caravan.getPackage("dev.caravan").getSubpackages())
        .isNotEmpty()
        .allMatch(type -> type.isAnnotatedWith(NullMarked.class));
  }

  @Test
  void packagesUseOnlyWhatTheTableAllows() {
    MAY_USE.forEach(
        (name, allowed) -> {
          DescribedPredicate<JavaClass> ours = resideInAPackage("dev.caravan..");
          DescribedPredicate<JavaClass> permitted = resideInAPackage(ROOT + name);
          for (String other : allowed) {
            permitted = permitted.or(resideInAPackage(ROOT + other));
          }
          noClasses()
              .that()
              .resideInAPackage(ROOT + name)
              .should()
              .dependOnClassesThat(ours.and(not(permitted)))
              .check(caravan);
        });
  }

  @Test
  void recordsKnowOnlyTheEventTypesOfTheComponent() {
    noClasses()
        .that()
        .resideInAPackage(ROOT + "record")
        .should()
        .dependOnClassesThat(
            resideInAPackage(ROOT + "component")
                .and(
                    not(
                        belongToAnyOf(
                            CouchbaseDcpMessage.class,
                            CouchbaseDcpRollbackMessage.class,
                            EventType.class))))
        .check(caravan);
  }

  @Test
  void theThinJarNeedsNothingOfTheServer() {
    noClasses()
        .that()
        .resideInAnyPackage(ROOT + "component", ROOT + "stream", ROOT + "offset", ROOT + "record")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "kafka..",
            "org.apache.kafka.server..",
            "org.apache.camel.main..",
            "org.apache.camel.component.platform..",
            "io.netty..",
            "io.vertx..",
            "picocli..")
        .check(caravan);
  }

  @Test
  void onlyTheCommandLinePrints() {
    GeneralCodingRules.NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS.check(
        caravan.that(not(resideInAPackage("dev.caravan.cli"))));
  }
}
