// SPDX-License-Identifier: Apache-2.0
package dev.caravan;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Tests with the tag {@code unit} start no server and no process, and do not wait. */
@Tag("unit")
class UnitTagTest {
  private static final DescribedPredicate<JavaClass> UNIT_TEST =
      describe("have the tag unit", UnitTagTest::isUnitTest);

  private static final DescribedPredicate<JavaClass> SERVER_OR_PROCESS =
      nameMatching(
              ".*\\.(Couchbase(Node|Cluster)|KafkaBroker|Sandbox|WorkerApplication|TestWorker)")
          .<JavaClass>forSubtype()
          .or(nameMatching("java\\.(lang\\.ProcessBuilder|net\\.ServerSocket)").forSubtype())
          .or(
              resideInAnyPackage(
                  "dev.caravan.testkit..",
                  "com.sun.net.httpserver..",
                  "org.testcontainers..",
                  "org.awaitility.."));

  private static JavaClasses caravan;

  @BeforeAll
  static void importClasses() {
    caravan = new ClassFileImporter().importPackages("dev.caravan");
  }

  private static boolean isUnitTest(JavaClass type) {
    if (type.isAnnotatedWith(Tag.class)) {
      return type.getAnnotationOfType(Tag.class).value().equals("unit");
    }
    return type.getEnclosingClass().map(UnitTagTest::isUnitTest).orElse(false);
  }

  @Test
  void unitTestsStartNothing() {
    noClasses().that(UNIT_TEST).should().dependOnClassesThat(SERVER_OR_PROCESS).check(caravan);
  }

  @Test
  void unitTestsDoNotSleep() {
    noClasses()
        .that(UNIT_TEST)
        .should()
        .callMethod(Thread.class, "sleep", long.class)
        .check(caravan);
  }
}
