// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.bench;

import dev.caravan.cli.process.FleetWorker;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * Measures the cost of many connectors on a few workers: threads and memory per task, the time of a
 * rebalance, and the latency of the REST API during it.
 */
final class BenchFleet {
  private static final int WORKERS = 3;
  private static final int CLIENTS = 4;
  private static final double MAX_THREADS_PER_TASK = 2;

  /** With fewer connectors, the growth of shared pools outweighs what a task needs. */
  private static final int MIN_CONNECTORS = 50;

  private static final Duration TIMEOUT = Duration.ofMinutes(10);

  private final PrintWriter out;
  private final int connectors;
  private final List<Double> answerMillis = Collections.synchronizedList(new ArrayList<>());
  private final List<FleetWorker> workers = new ArrayList<>();

  BenchFleet(PrintWriter out, int connectors) {
    this.out = out;
    this.connectors = connectors;
  }

  /**
   * Measures, and prints the results.
   *
   * @param group the id of the workers' group
   * @param fleet creates a worker of the group
   * @return whether the number of threads per task is within its bound
   */
  boolean run(
      String couchbase, String kafka, String bucket, String group, Supplier<FleetWorker> fleet)
      throws Exception {
    ExecutorService clients = Executors.newFixedThreadPool(CLIENTS);
    try {
      for (int i = 0; i < WORKERS; i++) {
        FleetWorker worker = fleet.get();
        workers.add(worker);
        worker.start();
      }
      // The first connectors make the thread pools grow that all connectors share.
      List<String> first = names(0, connectors / 5);
      create(clients, first, couchbase, bucket);
      awaitRunning(clients, first);
      long threads = total("Threads");
      long kilobytes = total("VmRSS");

      List<String> names = names(first.size(), connectors);
      long start = System.nanoTime();
      create(clients, names, couchbase, bucket);
      double created = seconds(start);
      awaitRunning(clients, names);
      say(
          "bench: connectors=%d workers=%d created in %.1f s, all running after %.1f s",
          connectors, WORKERS, created, seconds(start));

      double threadsPerTask = (double) (total("Threads") - threads) / names.size();
      say(
          "bench: per further task: %.2f threads, %d kB resident",
          threadsPerTask, (total("VmRSS") - kilobytes) / names.size());

      FleetWorker leaver = workers.remove(WORKERS - 1);
      start = System.nanoTime();
      leaver.stop();
      awaitRunning(clients, names);
      double left = seconds(start);
      workers.add(leaver);
      start = System.nanoTime();
      leaver.start();
      double up = seconds(start);
      awaitShare(leaver, names);
      awaitRunning(clients, names);
      say(
          "bench: all running %.1f s after SIGTERM to a worker, balanced and running %.1f s after a"
              + " worker was ready (start took %.1f s)",
          left, seconds(start) - up, up);
      say(
          "bench: REST answers=%d p50=%.1f ms p99=%.1f ms",
          answerMillis.size(), percentile(0.5), percentile(0.99));
      say(
          "bench: the largest record of the group's metadata has %d bytes",
          GroupMetadata.largestRecord(kafka, group));
      if (connectors < MIN_CONNECTORS || threadsPerTask <= MAX_THREADS_PER_TASK) {
        return true;
      }
      say("bench: failed: a further task may need %.0f threads", MAX_THREADS_PER_TASK);
      return false;
    } finally {
      clients.shutdownNow();
      workers.forEach(FleetWorker::close);
    }
  }

  private static List<String> names(int from, int to) {
    return IntStream.range(from, to).mapToObj(i -> "fleet-" + i).toList();
  }

  private void create(ExecutorService clients, List<String> names, String couchbase, String bucket)
      throws Exception {
    List<Future<?>> creations = new ArrayList<>();
    for (String name : names) {
      Map<String, String> config =
          Map.of(
              "connector.class",
              "dev.caravan.CouchbaseSourceConnector",
              "couchbase.nodes",
              couchbase,
              "couchbase.bucket",
              bucket,
              "topic",
              name + "-");
      creations.add(
          clients.submit(
              () -> {
                timed(() -> worker(name).rest().put(name, config));
                return null;
              }));
    }
    for (Future<?> creation : creations) {
      creation.get();
    }
  }

  private FleetWorker worker(String name) {
    return workers.get(Math.floorMod(name.hashCode(), workers.size()));
  }

  private interface TimedCall {
    void run() throws IOException, InterruptedException;
  }

  private void timed(TimedCall call) throws IOException, InterruptedException {
    long start = System.nanoTime();
    call.run();
    answerMillis.add((System.nanoTime() - start) / 1e6);
  }

  private void awaitRunning(ExecutorService clients, List<String> names) throws Exception {
    long deadline = System.nanoTime() + TIMEOUT.toNanos();
    List<Future<?>> all = new ArrayList<>();
    for (String name : names) {
      all.add(
          clients.submit(
              () -> {
                boolean[] running = new boolean[1];
                while (!running[0]) {
                  timed(() -> running[0] = worker(name).rest().status(name).isRunning());
                  if (System.nanoTime() - deadline > 0) {
                    throw new IOException("Connector \"" + name + "\" does not run.");
                  }
                  TimeUnit.MILLISECONDS.sleep(running[0] ? 0 : 20);
                }
                return null;
              }));
    }
    for (Future<?> one : all) {
      one.get();
    }
  }

  /** Waits until a worker has its share of the tasks. */
  private void awaitShare(FleetWorker worker, List<String> names) throws Exception {
    long deadline = System.nanoTime() + TIMEOUT.toNanos();
    String id = worker.id();
    long count = 0;
    while (count < names.size() / WORKERS) {
      count = 0;
      for (String name : names) {
        count +=
            worker.rest().status(name).tasks().stream()
                .filter(task -> task.workerId().endsWith(id))
                .count();
      }
      if (System.nanoTime() - deadline > 0) {
        throw new IOException("Worker \"" + id + "\" has only " + count + " tasks.");
      }
    }
  }

  private long total(String key) throws IOException {
    long total = 0;
    for (FleetWorker worker : workers) {
      total += worker.processStatus(key);
    }
    return total;
  }

  private double percentile(double share) {
    List<Double> sorted = new ArrayList<>(answerMillis);
    Collections.sort(sorted);
    return sorted.get((int) Math.min(sorted.size() - 1L, (long) (share * sorted.size())));
  }

  private static double seconds(long start) {
    return (System.nanoTime() - start) / 1e9;
  }

  private void say(String format, Object... values) {
    out.printf(Locale.ROOT, format + "%n", values);
    out.flush();
  }
}
