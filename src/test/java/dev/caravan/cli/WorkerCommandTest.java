// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** What a user reads when a worker cannot start. */
class WorkerCommandTest {
  @Test
  void aHostNameOfABrokerThatIsUnknownIsNamed() {
    assertThat(errorOf("-brokers", "kafka.invalid:9092", "-group", "g", "-port", "0"))
        .startsWith("worker: Failed to create new KafkaAdminClient: ")
        .contains("bootstrap.servers");
  }

  @Test
  void aPropertiesFileThatIsNotThereIsNamed(@TempDir Path directory) {
    Path file = directory.resolve("worker.properties");
    assertThat(errorOf(file.toString()))
        .isEqualToIgnoringNewLines("worker: There is no properties file " + file);
  }

  private static String errorOf(String... arguments) {
    StringWriter err = new StringWriter();
    CommandLine command = Caravan.commandLine().setErr(new PrintWriter(err, true));
    String[] worker = new String[arguments.length + 1];
    worker[0] = "worker";
    System.arraycopy(arguments, 0, worker, 1, arguments.length);
    assertThat(command.execute(worker)).isEqualTo(1);
    return err.toString();
  }
}
