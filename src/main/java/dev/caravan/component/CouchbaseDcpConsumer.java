// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import static java.util.Objects.requireNonNull;

import dev.caravan.component.delivery.ConsumerStatus;
import dev.caravan.component.delivery.DeliveryException;
import dev.caravan.component.delivery.DeliveryLoop;
import dev.caravan.component.delivery.DeliverySupervisor;
import dev.caravan.component.delivery.FailedChanges;
import dev.caravan.component.delivery.Phase;
import dev.caravan.component.delivery.Recovery;
import dev.caravan.offset.OffsetStore;
import dev.caravan.offset.TransactionalOffsetStore;
import dev.caravan.stream.BucketStream;
import dev.caravan.stream.StreamStart;
import dev.caravan.stream.change.DcpChange;
import dev.caravan.stream.change.DcpEvent;
import dev.caravan.stream.change.DcpRollback;
import dev.caravan.stream.settings.StreamSettings;
import java.util.List;
import org.apache.camel.CamelContext;
import org.apache.camel.Endpoint;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.Processor;
import org.apache.camel.Route;
import org.apache.camel.Suspendable;
import org.apache.camel.health.HealthCheckHelper;
import org.apache.camel.health.HealthCheckRepository;
import org.apache.camel.support.DefaultConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts a bucket's changes into the route, on one thread of its own, the {@link DeliveryLoop}.
 * Starting returns at once, whether or not Couchbase can be reached; {@link #status} returns the
 * state. A document counts as done, and its bytes go back to Couchbase's flow control, when its
 * exchange is. An exchange that failed ends the delivery loop, because leaving the document out or
 * putting it later would break the order; the option {@code onDeliveryFailure} says whether another
 * loop reads it again.
 */
public class CouchbaseDcpConsumer extends DefaultConsumer implements Suspendable {
  private static final Logger LOG = LoggerFactory.getLogger(CouchbaseDcpConsumer.class);
  private static final ConsumerStatus STOPPED =
      new ConsumerStatus(Phase.STOPPED, null, 0, 0, 0, 0, 0);

  private volatile @Nullable DeliverySupervisor supervisor;
  private @Nullable DeliveryLoop lastLoop;
  private volatile ConsumerStatus atRest = STOPPED;

  /** The claim of the last start; closed if that start failed or the consumer has stopped. */
  private volatile @Nullable OffsetClaim claim;

  private final ConsumerOptions options;

  CouchbaseDcpConsumer(Endpoint endpoint, Processor processor, ConsumerOptions options) {
    super(endpoint, processor);
    this.options = options;
  }

  /** How it goes, at any time and from any thread. */
  public ConsumerStatus status() {
    DeliverySupervisor current = supervisor;
    return current == null ? atRest : current.status();
  }

  /**
   * Begins to stop the consumer, and returns at once: no exchange is begun any more, one that waits
   * in the route for more than a second, such as in a throttle, is interrupted, and offsets are
   * saved when the exchanges in the route are done. Stopping the route after this takes no longer
   * than that, and only then does Camel hold its lock.
   */
  public void drain() {
    DeliverySupervisor current = supervisor;
    if (current != null) {
      current.stop();
    }
  }

  /**
   * Waits after {@link #drain} until all exchanges have left the route and are committed, at most
   * until the {@code drainTimeout} has passed since then. Camel looks only once a second whether a
   * route that stops is empty; a route that is empty before stops at once.
   *
   * @return whether it is; if not, it will be read again, and there is no use in waiting longer
   * @throws InterruptedException if the thread is interrupted meanwhile
   */
  public boolean awaitDrained() throws InterruptedException {
    DeliverySupervisor current = supervisor;
    return current == null || current.awaitDrained();
  }

  @Override
  protected void doStart() throws Exception {
    super.doStart();
    addHealthCheck();
    OffsetClaim claimed = claimOffsets();
    claim = claimed;
    try {
      startDelivery();
    } catch (Exception | Error e) {
      // Camel takes a consumer that failed to start for stopped, and does not stop it.
      claimed.close();
      throw e;
    }
  }

  private OffsetClaim claimOffsets() {
    return OffsetClaim.of(
        options.offsetStore(),
        offsetKey(),
        options.bucketNames(),
        options.configuration().settings().vbuckets(),
        "route '"
            + getRouteId()
            + "' of Camel context '"
            + getEndpoint().getCamelContext().getName()
            + "'");
  }

  private String offsetKey() {
    String given = options.configuration().getOffsetKey();
    if (given != null && !given.isBlank()) {
      return given;
    }
    Route route = getRoute();
    if (route != null && route.isCustomId()) {
      return route.getRouteId();
    }
    // An id that Camel has generated changes when routes are added or come in another order.
    String key = options.defaultOffsetKey();
    if (options.configuration().getOffsetStore() != null) {
      LOG.warn(
          "Route '{}' has no id of its own, so its offsets are saved under the key '{}', which a"
              + " route that replaces it or is added may have, too. Give the route an id, or set"
              + " offsetKey.",
          getRouteId(),
          key);
    }
    return key;
  }

  private OffsetStore offsets() {
    return requireNonNull(claim, "not started").offsets();
  }

  /** The offset store, if it is one that commits offsets together with records; else null. */
  private @Nullable TransactionalOffsetStore transactions() {
    return offsets() instanceof TransactionalOffsetStore transactions ? transactions : null;
  }

  private void startDelivery() {
    StreamSettings settings = options.configuration().settings();
    StreamStart start = new StreamStart(settings.streamFrom());
    DeliverySupervisor started =
        new DeliverySupervisor(
            redelivered -> newLoop(start, redelivered),
            lastLoop,
            this::recovery,
            settings,
            options.configuration().drainTimeout(),
            this::finished);
    supervisor = started;
    getEndpoint()
        .getCamelContext()
        .getExecutorServiceManager()
        .newThread("CouchbaseDcp[" + options.buckets() + "]", started)
        .start();
  }

  private DeliveryLoop newLoop(StreamStart start, @Nullable FailedChanges redelivered) {
    CouchbaseDcpConfiguration configuration = options.configuration();
    StreamSettings settings = configuration.settings();
    return new DeliveryLoop(
        new ConsumerRoute(),
        inbox ->
            options.bucketNames().stream()
                .map(
                    bucket ->
                        new BucketStream(
                            bucket, settings, start, offsets(), options.eventLoops().get(), inbox))
                .toList(),
        transactions(),
        settings.offsetCommitInterval(),
        configuration.getBatchSize(),
        configuration.getMaxInFlight(),
        settings.flowControlBufferSize(),
        configuration.drainTimeout(),
        redelivered);
  }

  /** Stops the route, on the thread that has nothing else to do any more. */
  private void finished() {
    CamelContext context = getEndpoint().getCamelContext();
    String routeId = getRouteId();
    LOG.info("Route {} has read all that it was to read and is stopped.", routeId);
    try {
      // A short run may be over before the context has started.
      context.addStartupListener(
          (started, alreadyStarted) -> started.getRouteController().stopRoute(routeId));
    } catch (Exception e) {
      LOG.warn("Route {} can't be stopped: {}", routeId, e.toString());
    }
  }

  private Recovery recovery(Throwable failure) {
    TransactionalOffsetStore transactions = transactions();
    if (transactions != null && transactions.isRetriable(failure)) {
      return Recovery.NEW_TRANSACTION;
    }
    return failure instanceof DeliveryException
            && options.configuration().getOnDeliveryFailure() == OnDeliveryFailure.RETRY
        ? Recovery.REDELIVERY
        : Recovery.NONE;
  }

  private void addHealthCheck() {
    HealthCheckRepository repository =
        HealthCheckHelper.getHealthCheckRepository(
            getEndpoint().getCamelContext(), "consumers", HealthCheckRepository.class);
    if (repository != null) {
      CouchbaseDcpHealthCheck check =
          new CouchbaseDcpHealthCheck(getRouteId(), options.buckets(), this::status);
      check.setEnabled(options.healthCheckEnabled());
      setHealthCheck(check);
    }
  }

  @Override
  protected void doStop() throws Exception {
    try {
      endDelivery();
    } finally {
      OffsetClaim released = claim;
      if (released != null) {
        released.close();
      }
    }
    super.doStop();
  }

  private void endDelivery() throws InterruptedException {
    DeliverySupervisor stopped = supervisor;
    if (stopped != null) {
      stopped.stop();
      if (!stopped.awaitEnd()) {
        LOG.warn(
            "The route of {} doesn't give back the consumer's thread; it will end when the route"
                + " does.",
            getEndpoint());
      }
      atRest = stopped.isFinished() ? stopped.status() : STOPPED;
      lastLoop = stopped.lastLoop();
      supervisor = null;
    }
  }

  @Override
  protected void doSuspend() throws Exception {
    DeliverySupervisor current = supervisor;
    if (current != null) {
      // Camel suspends a consumer that never started, too, when its route can't be made.
      current.suspend();
    }
    super.doSuspend();
  }

  @Override
  protected void doResume() throws Exception {
    super.doResume();
    DeliverySupervisor current = supervisor;
    if (current != null) {
      current.resume();
    }
  }

  private final class ConsumerRoute implements DeliveryLoop.Route {
    @Override
    public Message message(DcpEvent event) {
      CamelContext context = getEndpoint().getCamelContext();
      if (event instanceof DcpRollback rollback) {
        return new CouchbaseDcpRollbackMessage(context, rollback);
      }
      return new CouchbaseDcpMessage(context, (DcpChange) event);
    }

    @Override
    public Exchange exchange(Message message) {
      // Not released by Camel: a pooled exchange would be reset, and its failure forgotten, before
      // the loop is called back.
      Exchange exchange = createExchange(false);
      exchange.setIn(message);
      return exchange;
    }

    @Override
    public Exchange exchange(List<Message> messages) {
      Exchange exchange = createExchange(false);
      exchange.getIn().setBody(messages);
      return exchange;
    }

    @Override
    public void process(Exchange exchange, Runnable done) {
      getAsyncProcessor().process(exchange, doneSync -> done.run());
    }

    @Override
    public void release(Exchange exchange) {
      releaseExchange(exchange, false);
    }

    @Override
    public void failed(@Nullable Exchange exchange, Exception failure) {
      if (recovery(failure) != Recovery.NONE) {
        return;
      }
      getExceptionHandler()
          .handleException(
              "The consumer has stopped reading. " + failure.getMessage(), exchange, failure);
    }
  }
}
