// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import static java.util.Objects.requireNonNull;

import dev.caravan.offset.OffsetStores;
import dev.caravan.stream.EventLoops;
import java.util.Map;
import org.apache.camel.CamelContext;
import org.apache.camel.spi.Metadata;
import org.apache.camel.spi.annotations.Component;
import org.apache.camel.support.HealthCheckComponent;
import org.jspecify.annotations.Nullable;

/**
 * Makes {@code couchbase-dcp} endpoints, which share this component's I/O threads, and the offset
 * stores that several of them name by the same URI.
 */
@Component("couchbase-dcp")
public class CouchbaseDcpComponent extends HealthCheckComponent {
  private static final String OFFSET_STORE = "offsetStore";
  private static final int DEFAULT_IO_THREADS = 2;
  private static final int MAX_IO_THREADS = 1_000;

  @Metadata(label = "advanced")
  private CouchbaseDcpConfiguration configuration = new CouchbaseDcpConfiguration();

  @Metadata(label = "advanced", defaultValue = "" + DEFAULT_IO_THREADS)
  private int ioThreads = DEFAULT_IO_THREADS;

  private final OffsetStores offsetStores = new OffsetStores();
  private @Nullable EventLoops eventLoops;

  public CouchbaseDcpComponent() {}

  public CouchbaseDcpComponent(CamelContext context) {
    super(context);
  }

  @Override
  protected CouchbaseDcpEndpoint createEndpoint(
      String uri, String remaining, Map<String, Object> parameters) throws Exception {
    CouchbaseDcpEndpoint endpoint = new CouchbaseDcpEndpoint(uri, this);
    endpoint.setConfiguration(configuration.copy());
    endpoint.setBuckets(remaining);
    if (parameters.get(OFFSET_STORE) instanceof String store && !store.startsWith("#")) {
      parameters.remove(OFFSET_STORE);
      if (!store.isBlank()) {
        endpoint.getConfiguration().setOffsetStore(offsetStores.get(store));
      }
    }
    setProperties(endpoint, parameters);
    endpoint.validate();
    return endpoint;
  }

  @Override
  protected void doInit() throws Exception {
    super.doInit();
    if (ioThreads < 1 || ioThreads > MAX_IO_THREADS) {
      throw new IllegalArgumentException(
          "ioThreads '" + ioThreads + "' is out of range. Set it to 1 to " + MAX_IO_THREADS + ".");
    }
    eventLoops = new EventLoops(ioThreads);
  }

  @Override
  protected void doStop() throws Exception {
    super.doStop();
    if (eventLoops != null) {
      eventLoops.close();
    }
    offsetStores.close();
  }

  /** Only once the component is initialized. */
  EventLoops eventLoops() {
    return requireNonNull(eventLoops, "not initialized");
  }

  public CouchbaseDcpConfiguration getConfiguration() {
    return configuration;
  }

  /** Options that all endpoints of this component begin with. */
  public void setConfiguration(CouchbaseDcpConfiguration configuration) {
    this.configuration = configuration;
  }

  public int getIoThreads() {
    return ioThreads;
  }

  /**
   * How many threads talk to Couchbase, for all endpoints together, 1 to 1000. They never wait for
   * a route.
   */
  public void setIoThreads(int ioThreads) {
    this.ioThreads = ioThreads;
  }
}
