// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos;

import static java.util.stream.Collectors.joining;

import dev.caravan.cli.chaos.audit.ChaosOutage;
import dev.caravan.cli.chaos.audit.ChaosOutage.OutageKind;
import dev.caravan.cli.chaos.audit.ChaosOutage.OutageScope;
import dev.caravan.cli.process.ConnectClient;
import dev.caravan.cli.process.ReportedStatus;
import dev.caravan.cli.process.WorkerProcess;
import dev.caravan.stream.settings.VbucketSelection;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/** The workers of a group, their connectors, and the faults of both. */
final class ChaosWorkers implements AutoCloseable {
  private static final String HEAP = "320m";

  private static final int DOWN_MAX_MILLIS = 3000;

  /** The time in which a new worker receives tasks. */
  private static final int JOIN_MILLIS = 3000;

  /** Longer than the session timeout. */
  private static final int LONG_MIN_MILLIS = 11_000;

  private static final int LONG_SPREAD_MILLIS = 4000;
  private static final int LONG_ONE_IN = 4;

  private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(60);
  private static final Duration START_TIMEOUT = Duration.ofMinutes(5);
  private static final int MAX_TASKS = 6;

  private final List<WorkerProcess> workers = new ArrayList<>();
  private final List<Path> hostsFiles = new ArrayList<>();
  private final List<ChaosConnector> connectors;
  private final int vbuckets;
  private final List<ChaosOutage> outages;

  /**
   * @param group the id of the group, also the prefix of its topics
   * @param vbuckets the number of vBuckets of the bucket
   * @param outages receives the outages
   */
  ChaosWorkers(
      int count,
      String group,
      ChaosKafka kafka,
      ChaosTarget target,
      List<ChaosConnector> connectors,
      int vbuckets,
      List<ChaosOutage> outages)
      throws IOException {
    this.connectors = connectors;
    this.vbuckets = vbuckets;
    this.outages = outages;
    for (int worker = 0; worker < count; worker++) {
      List<String> javaOptions =
          new ArrayList<>(
              WorkerProcess.javaOptions(HEAP, System.getProperty("caravan.log.level", "ERROR")));
      Map<String, String> hosts = target.path(worker).hosts();
      if (!hosts.isEmpty()) {
        javaOptions.add("-Djdk.net.hosts.file=" + hostsFile(hosts));
      }
      workers.add(new WorkerProcess(kafka.brokersFor(worker), group, javaOptions));
    }
  }

  /** A file with these hosts and this machine. Java then resolves no other names. */
  private Path hostsFile(Map<String, String> hosts) throws IOException {
    List<String> lines = new ArrayList<>();
    InetAddress local = InetAddress.getLocalHost();
    lines.add("127.0.0.1 localhost");
    lines.add(local.getHostAddress() + " " + local.getHostName());
    hosts.forEach((name, address) -> lines.add(address + " " + name));
    Path file = Files.createTempFile("caravan-hosts-", ".txt");
    hostsFiles.add(file);
    Files.write(file, lines);
    return file;
  }

  /** Starts the workers and creates the connectors. Returns when all tasks run. */
  void start() throws IOException, InterruptedException {
    for (WorkerProcess worker : workers) {
      worker.start();
    }
    for (ChaosConnector connector : connectors) {
      put(new Random(0), connector, workers.size() * 2);
    }
    long deadline = System.nanoTime() + START_TIMEOUT.toNanos();
    while (!doAllTasksRun()) {
      if (System.nanoTime() - deadline > 0) {
        throw new IOException(
            "Not all tasks run within " + START_TIMEOUT.toSeconds() + " s: " + statuses());
      }
      TimeUnit.MILLISECONDS.sleep(100);
    }
  }

  private boolean doAllTasksRun() throws IOException, InterruptedException {
    for (ChaosConnector connector : connectors) {
      if (!workers.get(0).rest().status(connector.name()).isRunning()) {
        return false;
      }
    }
    return true;
  }

  List<ChaosFault> faults() {
    return List.of(
        new ChaosFault("worker killed", this::kill),
        new ChaosFault("worker killed", this::kill),
        new ChaosFault("worker stopped", this::stop),
        new ChaosFault("worker stopped", this::stop),
        new ChaosFault("worker suspended", this::suspend),
        new ChaosFault("connector edited", this::edit),
        new ChaosFault("connector deleted", this::deleteAndCreate),
        new ChaosFault("connector paused", random -> halt(random, ConnectClient::pause)),
        new ChaosFault("connector stopped", random -> halt(random, ConnectClient::stop)));
  }

  /** A random duration, sometimes longer than the session timeout. */
  static int millis(Random random, int shortMax) {
    return random.nextInt(LONG_ONE_IN) == 0
        ? LONG_MIN_MILLIS + random.nextInt(LONG_SPREAD_MILLIS)
        : random.nextInt(shortMax);
  }

  /** The number of a random worker. */
  int any(Random random) {
    return random.nextInt(workers.size());
  }

  /** The worker's label for a message, empty if there is only one. */
  String label(int worker) {
    return workers.size() == 1 ? "" : "worker " + worker + " ";
  }

  /**
   * The vBuckets that a worker may have now: those of its tasks as it reports them, and those of
   * tasks that do not run.
   */
  OutageScope tasksOf(int worker) throws InterruptedException {
    if (workers.size() == 1) {
      return ChaosOutage.EVERYTHING;
    }
    Map<String, BitSet> touched = new HashMap<>();
    try {
      for (ChaosConnector connector : connectors) {
        List<ReportedStatus.ReportedTask> tasks =
            workers.get(worker).rest().status(connector.name()).tasks();
        BitSet vbucketsOfTasks = new BitSet();
        for (int task = 0; task < tasks.size(); task++) {
          ReportedStatus.ReportedTask status = tasks.get(task);
          if (status.workerId().endsWith(workers.get(worker).id()) || !status.isRunning()) {
            VbucketSelection.parse(task + "/" + tasks.size())
                .of(vbuckets)
                .forEach(vbucketsOfTasks::set);
          }
        }
        touched.put(connector.name(), vbucketsOfTasks);
      }
    } catch (IOException e) {
      // The worker does not answer, so it may have any.
      return ChaosOutage.EVERYTHING;
    }
    return (connector, vbucket) -> touched.getOrDefault(connector, new BitSet()).get(vbucket);
  }

  private String kill(Random random) throws Exception {
    int worker = any(random);
    OutageScope scope = tasksOf(worker);
    long start = System.currentTimeMillis();
    workers.get(worker).kill();
    outages.add(new ChaosOutage(OutageKind.KILLED, start, start, scope));
    return label(worker) + startAgain(worker, random);
  }

  private String stop(Random random) throws Exception {
    int worker = any(random);
    OutageScope scope = tasksOf(worker);
    long start = System.currentTimeMillis();
    long millis = workers.get(worker).stop().toMillis();
    outages.add(new ChaosOutage(OutageKind.STOPPED, start, start + millis, scope));
    return label(worker) + "within " + millis + " ms, " + startAgain(worker, random);
  }

  private String startAgain(int worker, Random random) throws Exception {
    int millis = millis(random, DOWN_MAX_MILLIS);
    TimeUnit.MILLISECONDS.sleep(millis);
    workers.get(worker).start();
    long ready = System.currentTimeMillis();
    outages.add(
        new ChaosOutage(OutageKind.STARTED, ready, ready + JOIN_MILLIS, ChaosOutage.EVERYTHING));
    return "started again after " + millis + " ms";
  }

  private String suspend(Random random) throws Exception {
    int worker = any(random);
    OutageScope scope = tasksOf(worker);
    int millis = millis(random, DOWN_MAX_MILLIS);
    long start = System.currentTimeMillis();
    workers.get(worker).suspend(Duration.ofMillis(millis));
    outages.add(new ChaosOutage(OutageKind.SUSPENDED, start, System.currentTimeMillis(), scope));
    return label(worker) + "for " + millis + " ms";
  }

  private ChaosConnector anyConnector(Random random) {
    return connectors.get(random.nextInt(connectors.size()));
  }

  private String edit(Random random) throws Exception {
    ChaosConnector connector = anyConnector(random);
    int tasks = 1 + random.nextInt(MAX_TASKS);
    long start = System.currentTimeMillis();
    int asked = put(random, connector, tasks);
    changed(connector, start);
    return "(" + connector.label() + ") to " + tasks + " tasks" + by(asked);
  }

  private String deleteAndCreate(Random random) throws Exception {
    ChaosConnector connector = anyConnector(random);
    long start = System.currentTimeMillis();
    int deleting = ask(random, rest -> rest.deleteIfExists(connector.name()));
    int tasks = 1 + random.nextInt(MAX_TASKS);
    int creating = put(random, connector, tasks);
    changed(connector, start);
    return "("
        + connector.label()
        + ")"
        + by(deleting)
        + ", created with "
        + tasks
        + " tasks"
        + by(creating);
  }

  /** Pauses or stops a connector, and resumes it later. */
  private String halt(Random random, HaltRequest halt) throws Exception {
    ChaosConnector connector = anyConnector(random);
    int millis = random.nextInt(DOWN_MAX_MILLIS);
    long start = System.currentTimeMillis();
    int halting = ask(random, rest -> halt.send(rest, connector.name()));
    TimeUnit.MILLISECONDS.sleep(millis);
    int resuming = ask(random, rest -> rest.resume(connector.name()));
    changed(connector, start);
    return "("
        + connector.label()
        + ")"
        + by(halting)
        + ", resumed after "
        + millis
        + " ms"
        + by(resuming);
  }

  private void changed(ChaosConnector connector, long start) {
    outages.add(
        new ChaosOutage(
            OutageKind.CHANGED,
            start,
            System.currentTimeMillis(),
            (name, vbucket) -> name.equals(connector.name())));
  }

  private String by(int worker) {
    return workers.size() == 1 ? "" : " by worker " + worker;
  }

  private int put(Random random, ChaosConnector connector, int tasks)
      throws IOException, InterruptedException {
    return ask(random, rest -> rest.put(connector.name(), connector.withTasks(tasks)));
  }

  private interface ConnectorRequest {
    void send(ConnectClient rest) throws IOException, InterruptedException;
  }

  private interface HaltRequest {
    void send(ConnectClient rest, String connector) throws IOException, InterruptedException;
  }

  /** Sends a request to one worker after the other until it succeeds. Returns the worker. */
  private int ask(Random random, ConnectorRequest request)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + REQUEST_TIMEOUT.toNanos();
    int first = random.nextInt(workers.size());
    for (int i = 0; ; i++) {
      int worker = (first + i) % workers.size();
      try {
        request.send(workers.get(worker).rest());
        return worker;
      } catch (IOException e) {
        if (System.nanoTime() - deadline > 0) {
          throw e;
        }
        TimeUnit.MILLISECONDS.sleep(100);
      }
    }
  }

  /** The status of each connector, as each worker reports it. */
  List<String> statuses() throws InterruptedException {
    List<String> statuses = new ArrayList<>();
    for (ChaosConnector connector : connectors) {
      for (WorkerProcess worker : workers) {
        try {
          statuses.add(connector.label() + ": " + describe(worker.rest().status(connector.name())));
        } catch (IOException e) {
          statuses.add(connector.label() + ": unknown: " + e);
        }
      }
    }
    return statuses;
  }

  private static String describe(ReportedStatus status) {
    return status.tasks().stream()
        .map(task -> task.state() + " " + task.trace().lines().findFirst().orElse(""))
        .collect(joining(", "));
  }

  @Override
  public void close() {
    workers.forEach(WorkerProcess::close);
    for (Path file : hostsFiles) {
      if (!file.toFile().delete()) {
        file.toFile().deleteOnExit();
      }
    }
  }
}
