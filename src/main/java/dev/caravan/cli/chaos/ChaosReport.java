// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos;

import dev.caravan.cli.chaos.audit.ChaosAudit;
import dev.caravan.cli.chaos.audit.ChaosCommits;
import dev.caravan.cli.chaos.audit.ChaosDuplicates;
import dev.caravan.cli.chaos.audit.ChaosGaps;
import dev.caravan.cli.chaos.audit.ChaosOutage;
import dev.caravan.cli.chaos.audit.ChaosOutage.OutageKind;
import dev.caravan.cli.chaos.audit.ChaosTopic;
import dev.caravan.cli.chaos.audit.ChaosWrite;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/** Audits the topic of each connector, and prints the results and their sums. */
final class ChaosReport {
  /** Prints a line for the user. */
  @FunctionalInterface
  interface Printer {
    void say(String format, Object... values);
  }

  private final ChaosKafka kafka;
  private final String offsetsTopic;
  private final String prefix;
  private final ChaosTarget target;
  private final List<ChaosOutage> outages;
  private final int workers;
  private final Duration patience;

  /** The audit of one topic. */
  private record TopicResult(
      ChaosAudit.Findings findings, ChaosAudit audit, ChaosDuplicates duplicates, int zombie) {}

  /**
   * @param prefix of the ids of the documents
   * @param outages all outages of the run
   * @param workers the number of workers
   * @param patience the longest wait for missing documents
   */
  ChaosReport(
      ChaosKafka kafka,
      String offsetsTopic,
      String prefix,
      ChaosTarget target,
      List<ChaosOutage> outages,
      int workers,
      Duration patience) {
    this.kafka = kafka;
    this.offsetsTopic = offsetsTopic;
    this.prefix = prefix;
    this.target = target;
    this.outages = outages.stream().sorted(Comparator.comparingLong(ChaosOutage::start)).toList();
    this.workers = workers;
    this.patience = patience;
  }

  /**
   * Reads the topics until nothing is missing or the time is over, and prints the results.
   *
   * @param start the time of the first fault, in milliseconds since the epoch
   * @param faults the number of faults
   * @return whether the records are as they must be
   */
  boolean of(
      List<ChaosConnector> connectors,
      List<ChaosWrite> writes,
      long start,
      int faults,
      Printer printer)
      throws IOException {
    long deadline = System.nanoTime() + patience.toNanos();
    boolean right = true;
    List<TopicResult> results = new ArrayList<>();
    ChaosGaps gaps = new ChaosGaps(outages);
    for (ChaosConnector connector : connectors) {
      try (ChaosTopic topic = new ChaosTopic(kafka.brokers(), connector.topic(), prefix)) {
        TopicResult result;
        do {
          topic.readToEnd();
          result = result(connector, writes, topic);
        } while (result.findings().missing() > 0 && System.nanoTime() - deadline < 0);
        results.add(result);
        right &= result.findings().isRight();
        say(connector, result, start, printer);
        gaps.add(connector.name(), topic.entries());
      }
    }
    gaps.lines(workers > 1).forEach(line -> printer.say("chaos: %s", line));
    sum(results, writes.size(), faults, gaps.longest(), printer);
    return right;
  }

  private TopicResult result(ChaosConnector connector, List<ChaosWrite> writes, ChaosTopic topic)
      throws IOException {
    ChaosCommits commits =
        ChaosCommits.read(kafka.brokers(), offsetsTopic)
            .getOrDefault(connector.name(), new ChaosCommits());
    List<ChaosOutage> causes =
        connector.isExactlyOnce()
            ? List.of()
            // A worker that joins receives tasks only after others have stopped them in order.
            : outages.stream().filter(outage -> outage.kind() != OutageKind.STARTED).toList();
    ChaosDuplicates duplicates =
        new ChaosDuplicates(connector.name(), causes, commits, target.branches());
    ChaosAudit audit = new ChaosAudit(writes, target.purges(), duplicates);
    int zombie = 0;
    for (ChaosTopic.AuditedRecord entry : topic.entries()) {
      if (entry.isOfZombie(causes)) {
        zombie++;
      } else {
        audit.add(entry);
      }
    }
    return new TopicResult(audit.findings(), audit, duplicates, zombie);
  }

  private static void say(
      ChaosConnector connector, TopicResult result, long start, Printer printer) {
    ChaosAudit.Findings findings = result.findings();
    result
        .duplicates()
        .byFault(start)
        .forEach(
            line -> printer.say("chaos: %s: delivered again after %s", connector.label(), line));
    result
        .audit()
        .examples()
        .forEach(example -> printer.say("chaos: %s: %s", connector.label(), example));
    printer.say(
        "chaos: %s: records=%d missing=%d duplicated=%d (allowed %d) forbidden=%d reordered=%d"
            + " unknown=%d stale=%d purged=%d zombie=%d",
        connector.label(),
        findings.records(),
        findings.missing(),
        findings.duplicated(),
        result.duplicates().allowed(),
        findings.forbidden(),
        findings.reordered(),
        findings.unknown(),
        findings.stale(),
        findings.purged(),
        result.zombie());
  }

  private static void sum(
      List<TopicResult> results,
      int documents,
      int faults,
      Map<String, Long> gaps,
      Printer printer) {
    long records = 0;
    int missing = 0;
    int duplicated = 0;
    int allowed = 0;
    int reordered = 0;
    int unknown = 0;
    int forbidden = 0;
    int stale = 0;
    int zombie = 0;
    for (TopicResult result : results) {
      records += result.findings().records();
      missing += result.findings().missing();
      duplicated += result.findings().duplicated();
      allowed += result.duplicates().allowed();
      reordered += result.findings().reordered();
      unknown += result.findings().unknown();
      forbidden += result.findings().forbidden();
      stale += result.findings().stale();
      zombie += result.zombie();
    }
    StringBuilder text = new StringBuilder();
    gaps.forEach(
        (kind, millis) -> text.append(' ').append(kind).append('=').append(millis).append("ms"));
    printer.say(
        "chaos: faults=%d documents=%d records=%d missing=%d duplicated=%d (allowed %d)"
            + " reordered=%d unknown=%d forbidden=%d stale=%d zombie=%d gaps:%s",
        faults,
        documents,
        records,
        missing,
        duplicated,
        allowed,
        reordered,
        unknown,
        forbidden,
        stale,
        zombie,
        text);
  }
}
