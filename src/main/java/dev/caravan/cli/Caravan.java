// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import dev.caravan.cli.bench.BenchCommand;
import dev.caravan.cli.bench.BenchRun;
import dev.caravan.cli.chaos.ChaosCommand;
import dev.caravan.cli.demo.DemoCommand;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The {@code caravan} command. */
@Command(
    name = "caravan",
    description = "Streams every change of a Couchbase bucket into Kafka, as Apache Camel routes.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      DemoCommand.class,
      BenchCommand.class,
      ChaosCommand.class,
      BenchRun.class,
      SandboxCommand.class,
      WorkerCommand.class,
      CommandLine.HelpCommand.class
    },
    mixinStandardHelpOptions = true,
    versionProvider = Caravan.Version.class,
    footerHeading = "%nFirst steps:%n",
    footer = {
      "  caravan demo              see it work, on a machine with neither Couchbase nor Kafka",
      "  caravan sandbox           a Couchbase node and a Kafka broker to try things on",
      "  caravan worker --help     run a worker on your own Couchbase and Kafka"
    })
public final class Caravan implements Callable<Integer> {
  @Spec private CommandSpec spec;

  /**
   * Runs the command and exits with its status: 0 for success, 1 for failure, 2 for wrong usage.
   */
  public static void main(String[] args) {
    KafkaSockets.install();
    System.exit(commandLine().execute(args));
  }

  static CommandLine commandLine() {
    return new CommandLine(new Caravan())
        // The worker's flags are whole words after one dash, such as -brokers.
        .setPosixClusteredShortOptionsAllowed(false)
        .setExecutionExceptionHandler(Caravan::failed);
  }

  @Override
  public Integer call() {
    throw new ParameterException(
        spec.commandLine(), "A command is missing. See the list of commands below.");
  }

  /** Prints the message without a stack trace, unless {@code caravan.trace} is true. */
  private static int failed(
      Exception failure, CommandLine command, CommandLine.ParseResult parseResult) {
    command.getErr().println(command.getCommandName() + ": " + message(failure));
    if (Boolean.getBoolean("caravan.trace")) {
      failure.printStackTrace(command.getErr());
    }
    return CommandLine.ExitCode.SOFTWARE;
  }

  /** With what the causes add: Kafka's clients say only there which setting is wrong. */
  private static String message(Throwable failure) {
    StringBuilder message =
        new StringBuilder(failure.getMessage() == null ? failure.toString() : failure.getMessage());
    for (Throwable cause = failure.getCause(); cause != null; cause = cause.getCause()) {
      if (cause.getMessage() != null && message.indexOf(cause.getMessage()) < 0) {
        message.append(": ").append(cause.getMessage());
      }
    }
    return message.toString();
  }

  static final class Version implements CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Caravan.class.getPackage().getImplementationVersion();
      return new String[] {"caravan " + (version == null ? "(development)" : version)};
    }
  }
}
