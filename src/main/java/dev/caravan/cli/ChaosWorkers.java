// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/** The workers of one group, and what can go wrong with them. Not thread-safe. */
final class ChaosWorkers implements AutoCloseable {
  private static final String NAME = "chaos";
  private static final String HEAP = "256m";
  private static final int DOWN_MAX_MILLIS = 3000;

  /** Longer than a group waits for a worker. */
  private static final int LONG_MILLIS = 15_000;

  private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(60);
  private static final int MAX_TASKS = 6;

  private final List<WorkerProcess> workers = new ArrayList<>();
  private final List<Outage> outages = new ArrayList<>();
  private final Map<String, String> config;

  /** What happened to a worker. */
  enum Kind {
    KILLED,
    STOPPED,
    SUSPENDED
  }

  /**
   * A time when others may have had to take over from a worker, in milliseconds since the epoch.
   *
   * @param start when it was told to stop, or was made to
   * @param end when it had stopped, or ran again
   */
  record Outage(Kind kind, long start, long end) {}

  /**
   * @param config of the connector
   */
  ChaosWorkers(int count, String brokers, String logLevel, Map<String, String> config) {
    this.config = config;
    for (int i = 0; i < count; i++) {
      workers.add(new WorkerProcess(brokers, NAME, HEAP, logLevel));
    }
  }

  /** Starts them, and the connector. */
  void start() throws IOException, InterruptedException {
    for (WorkerProcess worker : workers) {
      worker.start();
    }
    put(new Random(0), workers.size() * 2);
  }

  List<ChaosFault> faults() {
    List<ChaosFault> faults = new ArrayList<>();
    faults.add(new ChaosFault("worker killed", this::kill));
    faults.add(new ChaosFault("worker killed", this::kill));
    faults.add(new ChaosFault("worker stopped", this::stop));
    faults.add(new ChaosFault("worker suspended", this::suspend));
    if (workers.size() > 1) {
      faults.add(new ChaosFault("connector edited", this::edit));
      faults.add(new ChaosFault("connector deleted", this::deleteAndCreate));
    }
    return faults;
  }

  private String any(Random random) {
    return workers.size() == 1 ? "" : " " + random.nextInt(workers.size());
  }

  private WorkerProcess worker(String name) {
    return workers.get(name.isEmpty() ? 0 : Integer.parseInt(name.trim()));
  }

  private String kill(Random random) throws Exception {
    String name = any(random);
    long start = System.currentTimeMillis();
    worker(name).kill();
    outages.add(new Outage(Kind.KILLED, start, start));
    return name + startAgain(name, random);
  }

  private String stop(Random random) throws Exception {
    String name = any(random);
    long start = System.currentTimeMillis();
    long millis = worker(name).stop().toMillis();
    outages.add(new Outage(Kind.STOPPED, start, start + millis));
    return name + " within " + millis + " ms," + startAgain(name, random);
  }

  private String startAgain(String name, Random random) throws Exception {
    int millis = random.nextInt(longest(random));
    TimeUnit.MILLISECONDS.sleep(millis);
    worker(name).start();
    return " started again after " + millis + " ms";
  }

  /** Where others can take over, some faults last until they do. */
  private int longest(Random random) {
    return workers.size() > 1 && random.nextInt(3) == 0 ? LONG_MILLIS : DOWN_MAX_MILLIS;
  }

  private String suspend(Random random) throws Exception {
    String name = any(random);
    int millis = random.nextInt(longest(random));
    long start = System.currentTimeMillis();
    worker(name).suspend(Duration.ofMillis(millis));
    outages.add(new Outage(Kind.SUSPENDED, start, System.currentTimeMillis()));
    return name + " for " + millis + " ms";
  }

  private String edit(Random random) throws Exception {
    int tasks = 1 + random.nextInt(MAX_TASKS);
    return "to " + tasks + " tasks by worker " + put(random, tasks);
  }

  private String deleteAndCreate(Random random) throws Exception {
    int deleting = ask(random, worker -> worker.delete(NAME));
    int tasks = 1 + random.nextInt(MAX_TASKS);
    return "by worker " + deleting + ", created by worker " + put(random, tasks);
  }

  private int put(Random random, int tasks) throws IOException, InterruptedException {
    Map<String, String> changed = new HashMap<>(config);
    changed.put("tasks.max", Integer.toString(tasks));
    return ask(random, worker -> worker.put(NAME, changed));
  }

  private interface Request {
    void send(WorkerProcess worker) throws IOException, InterruptedException;
  }

  /** Asks one worker after the other until one has done it; returns which. */
  private int ask(Random random, Request request) throws IOException, InterruptedException {
    long deadline = System.nanoTime() + REQUEST_TIMEOUT.toNanos();
    int first = random.nextInt(workers.size());
    for (int i = 0; ; i++) {
      int worker = (first + i) % workers.size();
      try {
        request.send(workers.get(worker));
        return worker;
      } catch (IOException e) {
        if (System.nanoTime() - deadline > 0) {
          throw e;
        }
        TimeUnit.MILLISECONDS.sleep(100);
      }
    }
  }

  List<Outage> outages() {
    return List.copyOf(outages);
  }

  /** What the connector's status says, in one line for each worker. */
  List<String> statuses() throws InterruptedException {
    List<String> statuses = new ArrayList<>();
    for (WorkerProcess worker : workers) {
      try {
        statuses.add(describe(worker.status(NAME)));
      } catch (IOException e) {
        statuses.add("not told: " + e);
      }
    }
    return statuses;
  }

  private static String describe(JsonNode status) {
    StringBuilder states = new StringBuilder();
    for (JsonNode task : status.path("tasks")) {
      states
          .append(states.isEmpty() ? "" : ", ")
          .append(task.path("state").asText())
          .append(' ')
          .append(task.path("trace").asText().lines().findFirst().orElse(""));
    }
    return states.toString();
  }

  @Override
  public void close() {
    workers.forEach(WorkerProcess::close);
  }
}
