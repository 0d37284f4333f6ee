// SPDX-License-Identifier: Apache-2.0
package dev.caravan;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.belongToAnyOf;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static java.util.Map.entry;
import static org.assertj.core.api.Assertions.assertThat;

import com.couchbase.client.dcp.transport.netty.ChannelFlowController;
import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.GeneralCodingRules;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;
import dev.caravan.component.CouchbaseDcpMessage;
import dev.caravan.component.CouchbaseDcpRollbackMessage;
import dev.caravan.component.EventType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Enforces the table of packages in docs/architecture.md: dependencies point down only. */
@Tag("unit")
class ArchitectureTest {
  private static final String ROOT = "dev.caravan.";

  /** What each package may use of ours, besides itself. */
  private static final Map<String, List<String>> MAY_USE =
      Map.ofEntries(
          entry(
              "cli",
              List.of(
                  "cli.demo", "cli.bench", "cli.chaos", "cli.process", "worker.kafka", "sandbox")),
          entry("cli.demo", List.of("cli.process", "sandbox")),
          entry("cli.bench", List.of("cli.process", "worker.delivery", "connector")),
          entry(
              "cli.chaos",
              List.of(
                  "cli.chaos.audit",
                  "cli.process",
                  "connector",
                  "stream.settings",
                  "sandbox",
                  "sandbox.cluster",
                  "sandbox.kv.bucket",
                  "sandbox.kafka")),
          entry("cli.chaos.audit", List.of("cli.process", "record")),
          entry(
              "cli.process",
              List.of("rest", "worker", "worker.delivery", "worker.kafka", "connector", "record")),
          entry("rest", List.of("worker", "worker.config", "worker.status", "connector")),
          entry(
              "worker",
              List.of(
                  "worker.delivery",
                  "worker.group",
                  "worker.status",
                  "worker.config",
                  "worker.kafka",
                  "connector",
                  "offset")),
          entry(
              "worker.delivery",
              List.of(
                  "worker.group",
                  "worker.kafka",
                  "connector",
                  "record",
                  "component.delivery",
                  "offset")),
          entry("worker.group", List.of("worker.kafka")),
          entry("worker.status", List.of("worker.config", "worker.kafka")),
          entry("worker.config", List.of("worker.kafka", "connector")),
          entry("worker.kafka", List.of()),
          entry(
              "connector",
              List.of("record", "component", "component.delivery", "stream.settings", "offset")),
          entry("record", List.of("component")),
          entry(
              "component",
              List.of(
                  "component.delivery", "stream", "stream.change", "stream.settings", "offset")),
          entry(
              "component.delivery",
              List.of(
                  "stream",
                  "stream.change",
                  "stream.flow",
                  "stream.progress",
                  "stream.settings",
                  "offset")),
          entry(
              "stream",
              List.of(
                  "stream.client",
                  "stream.change",
                  "stream.persistence",
                  "stream.cluster",
                  "stream.progress",
                  "stream.rollback",
                  "stream.flow",
                  "stream.settings",
                  "offset")),
          entry(
              "stream.client",
              List.of(
                  "stream.change",
                  "stream.persistence",
                  "stream.cluster",
                  "stream.progress",
                  "stream.rollback",
                  "stream.flow",
                  "stream.settings",
                  "offset")),
          entry("stream.change", List.of("stream.progress", "offset")),
          entry("stream.persistence", List.of("stream.cluster", "stream.settings")),
          entry("stream.cluster", List.of()),
          entry("stream.progress", List.of("stream.rollback", "offset")),
          entry("stream.rollback", List.of("offset")),
          entry("stream.flow", List.of()),
          entry("stream.settings", List.of()),
          entry("offset", List.of()),
          entry(
              "sandbox",
              List.of("sandbox.admin", "sandbox.cluster", "sandbox.kv.bucket", "sandbox.kafka")),
          entry("sandbox.admin", List.of("sandbox.cluster", "sandbox.kv.bucket", "sandbox.kafka")),
          entry(
              "sandbox.cluster",
              List.of(
                  "sandbox.kv.commands",
                  "sandbox.kv.bucket",
                  "sandbox.kv.store",
                  "sandbox.kv.auth",
                  "sandbox.kv.protocol")),
          entry(
              "sandbox.kv.commands",
              List.of(
                  "sandbox.kv.dcp",
                  "sandbox.kv.bucket",
                  "sandbox.kv.store",
                  "sandbox.kv.auth",
                  "sandbox.kv.protocol")),
          entry(
              "sandbox.kv.dcp",
              List.of("sandbox.kv.bucket", "sandbox.kv.store", "sandbox.kv.protocol")),
          entry("sandbox.kv.bucket", List.of("sandbox.kv.store", "sandbox.kv.protocol")),
          entry("sandbox.kv.store", List.of("sandbox.kv.protocol")),
          entry("sandbox.kv.auth", List.of()),
          entry("sandbox.kv.protocol", List.of()),
          entry("sandbox.kafka", List.of()));

  /** A row of the documented table: package, contents, packages that it may use. */
  private static final Pattern ROW = Pattern.compile("\\| `([a-z.]+)` \\| [^|]+ \\| ([^|]+) \\|");

  private static final Pattern PACKAGE = Pattern.compile("`([a-z.]+)`");

  private static final Pattern WITHOUT_CLASS_CYCLES =
      Pattern.compile("dev\\.caravan\\.(stream|component|connector)(\\..*)?");

  private static final String PACKAGE_INFO = "package-info.java";

  private static final int MAX_CLASSES = 20;

  /** The packages that have more classes than that, as yet. */
  private static final Set<String> TOO_LARGE = Set.of();

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
    assertThat(packages).isEqualTo(new TreeSet<>(MAY_USE.keySet()));
  }

  @Test
  void theDocumentedTableIsTheSame() throws IOException {
    Map<String, List<String>> documented = new TreeMap<>();
    for (String line : Files.readAllLines(Path.of("docs", "architecture.md"))) {
      Matcher row = ROW.matcher(line);
      if (row.matches()) {
        documented.put(
            row.group(1),
            PACKAGE.matcher(row.group(2)).results().map(name -> name.group(1)).sorted().toList());
      }
    }
    Map<String, List<String>> enforced = new TreeMap<>();
    MAY_USE.forEach((name, others) -> enforced.put(name, others.stream().sorted().toList()));
    assertThat(documented).isEqualTo(enforced);
  }

  @Test
  void noPackagesUseEachOther() {
    SlicesRuleDefinition.slices().matching(ROOT + "(**)").should().beFreeOfCycles().check(caravan);
  }

  /** A class with its nested classes is a slice, so that nested ones may use their outer class. */
  private static final SliceAssignment EACH_CLASS =
      new SliceAssignment() {
        @Override
        public SliceIdentifier getIdentifierOf(JavaClass type) {
          return WITHOUT_CLASS_CYCLES.matcher(type.getPackageName()).matches()
              ? SliceIdentifier.of(type.getName().replaceFirst("\\$.*", ""))
              : SliceIdentifier.ignore();
        }

        @Override
        public String getDescription() {
          return "classes";
        }
      };

  @Test
  void noClassesUseEachOther() {
    SlicesRuleDefinition.slices().assignedFrom(EACH_CLASS).should().beFreeOfCycles().check(caravan);
  }

  @Test
  void packagesAreSmall() {
    Map<String, Long> sizes =
        caravan.stream()
            .filter(type -> type.isTopLevelClass() && !type.getSimpleName().equals("package-info"))
            .collect(
                Collectors.groupingBy(
                    type -> type.getPackageName().substring(ROOT.length()), Collectors.counting()));
    sizes.keySet().removeAll(TOO_LARGE);
    assertThat(sizes).allSatisfy((name, size) -> assertThat(size).isLessThanOrEqualTo(MAX_CLASSES));
  }

  /** Tests included. */
  @Test
  void noTwoClassesShareASimpleName() throws IOException {
    try (Stream<Path> files = Files.walk(Path.of("src"))) {
      Map<String, List<Path>> named =
          files
              .filter(file -> file.toString().endsWith(".java") && !file.endsWith(PACKAGE_INFO))
              .collect(Collectors.groupingBy(file -> file.getFileName().toString()));
      assertThat(named.values()).isNotEmpty().noneMatch(classes -> classes.size() > 1);
    }
  }

  /** Private ones are not seen outside their class. */
  @Test
  void noNestedClassHasTheNameOfATopLevelClass() {
    Set<String> topLevel =
        caravan.stream()
            .filter(JavaClass::isTopLevelClass)
            .map(JavaClass::getSimpleName)
            .collect(Collectors.toSet());
    assertThat(caravan.stream())
        .filteredOn(
            type -> type.isMemberClass() && !type.getModifiers().contains(JavaModifier.PRIVATE))
        .isNotEmpty()
        .noneMatch(type -> topLevel.contains(type.getSimpleName()));
  }

  @Test
  void everyPackageSaysWhereNullIsMeant() {
    assertThat(caravan.getPackage("dev.caravan").getSubpackagesInTree())
        .filteredOn(group -> !group.getClasses().isEmpty())
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
        .resideInAnyPackage(
            ROOT + "component..", ROOT + "stream..", ROOT + "offset", ROOT + "record")
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

  /** Avro is optional in the POM: an application that writes JSON does not have it. */
  @Test
  void onlyTheAvroFormatNeedsAvro() {
    noClasses()
        .that()
        .doNotHaveSimpleName("DocumentAvro")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("org.apache.avro..")
        .check(caravan);
    noClasses()
        .that()
        .resideInAnyPackage("dev.caravan.component..", "dev.caravan.record")
        .and()
        .doNotHaveSimpleName("DocumentAvro")
        .should()
        .dependOnClassesThat()
        .haveSimpleName("DocumentAvro")
        .check(caravan);
  }

  @Test
  void onePackageUsesInternalsOfTheDcpClient() {
    noClasses()
        .that()
        .resideOutsideOfPackage(ROOT + "stream.client")
        .should()
        .dependOnClassesThat(
            resideInAnyPackage(
                    "com.couchbase.client.dcp.buffer..",
                    "com.couchbase.client.dcp.conductor..",
                    "com.couchbase.client.dcp.core.state..",
                    "com.couchbase.client.dcp.highlevel.internal..",
                    "com.couchbase.client.dcp.state..",
                    "com.couchbase.client.dcp.transport..")
                // The client passes it to handlers of events.
                .and(not(belongToAnyOf(ChannelFlowController.class))))
        .check(caravan);
  }

  @Test
  void onlyTheCommandLinePrints() {
    GeneralCodingRules.NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS.check(
        caravan.that(not(resideInAPackage("dev.caravan.cli.."))));
  }
}
