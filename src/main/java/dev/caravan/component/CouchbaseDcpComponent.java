// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import dev.caravan.offset.OffsetStores;
import dev.caravan.stream.EventLoops;
import java.util.Map;
import org.apache.camel.CamelContext;
import org.apache.camel.spi.Metadata;
import org.apache.camel.spi.PropertyConfigurer;
import org.apache.camel.spi.annotations.Component;
import org.apache.camel.support.HealthCheckComponent;
import org.jspecify.annotations.Nullable;

/**
 * Makes {@code couchbase-dcp} endpoints, which share this component's I/O threads, and the offset
 * stores that several of them name by the same URI.
 */
@Component("couchbase-dcp")
public class CouchbaseDcpComponent extends HealthCheckComponent {
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
    CouchbaseDcpEndpoint endpoint = new CouchbaseDcpEndpoint(uri, this, this::eventLoops);
    endpoint.setConfiguration(
        resolveAndRemoveReferenceParameter(
                parameters, "configuration", CouchbaseDcpConfiguration.class, configuration)
            .copy());
    endpoint.setBuckets(remaining);
    setProperties(endpoint, parameters);
    endpoint.validate();
    return endpoint;
  }

  /** Camel's generated configurer, behind a check of what it would accept in silence. */
  @Override
  public PropertyConfigurer getComponentPropertyConfigurer() {
    return new OptionConfigurer(super.getComponentPropertyConfigurer(), offsetStores);
  }

  /** Camel's generated configurer, behind a check of what it would accept in silence. */
  @Override
  public PropertyConfigurer getEndpointPropertyConfigurer() {
    return new OptionConfigurer(super.getEndpointPropertyConfigurer(), offsetStores);
  }

  @Override
  protected void doStop() throws Exception {
    super.doStop();
    synchronized (this) {
      if (eventLoops != null) {
        eventLoops.close();
      }
    }
    offsetStores.close();
  }

  /** The I/O threads, which are made for the first consumer: options are set until then. */
  private synchronized EventLoops eventLoops() {
    if (eventLoops == null) {
      eventLoops = new EventLoops(ioThreads);
    }
    return eventLoops;
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
   * a route. Changes count until the first consumer is made.
   *
   * @throws IllegalArgumentException if the number is out of range
   */
  public void setIoThreads(int ioThreads) {
    if (ioThreads < 1 || ioThreads > MAX_IO_THREADS) {
      throw new IllegalArgumentException(
          "ioThreads '" + ioThreads + "' is out of range. Set it to 1 to " + MAX_IO_THREADS + ".");
    }
    this.ioThreads = ioThreads;
  }
}
