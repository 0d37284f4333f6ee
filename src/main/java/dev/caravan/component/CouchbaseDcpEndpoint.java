// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import static java.util.Objects.requireNonNullElse;

import dev.caravan.offset.MemoryOffsetStore;
import dev.caravan.offset.SharedOffsetStore;
import dev.caravan.stream.EventLoops;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.apache.camel.Category;
import org.apache.camel.Consumer;
import org.apache.camel.Processor;
import org.apache.camel.Producer;
import org.apache.camel.spi.EndpointServiceLocation;
import org.apache.camel.spi.Metadata;
import org.apache.camel.spi.UriEndpoint;
import org.apache.camel.spi.UriParam;
import org.apache.camel.spi.UriPath;
import org.apache.camel.support.DefaultEndpoint;
import org.apache.camel.support.HealthCheckComponent;
import org.jspecify.annotations.Nullable;

/**
 * Consume every change of one or more Couchbase buckets: documents written, deleted and expired.
 */
@UriEndpoint(
    firstVersion = "0.1.0",
    scheme = "couchbase-dcp",
    title = "Couchbase DCP",
    syntax = "couchbase-dcp:buckets",
    consumerOnly = true,
    category = {Category.DATABASE},
    headersClass = CouchbaseDcpConstants.class)
public class CouchbaseDcpEndpoint extends DefaultEndpoint implements EndpointServiceLocation {
  /** The bucket names that Couchbase allows. */
  private static final Pattern BUCKET = Pattern.compile("[A-Za-z0-9_.%-]{1,100}");

  @UriPath(
      description =
          "The bucket to read, or several buckets separated by commas. One thread delivers the"
              + " changes of all of them.")
  @Metadata(required = true)
  private String buckets = "";

  @UriParam private CouchbaseDcpConfiguration configuration = new CouchbaseDcpConfiguration();

  private final SharedOffsetStore memory = new MemoryOffsetStore();

  private final Supplier<EventLoops> eventLoops;

  /**
   * @param eventLoops the I/O threads, made when a consumer first needs them
   */
  CouchbaseDcpEndpoint(
      String uri, HealthCheckComponent component, Supplier<EventLoops> eventLoops) {
    super(uri, component);
    this.eventLoops = eventLoops;
  }

  /**
   * @throws IllegalArgumentException if an option's value can't be used
   */
  void validate() {
    bucketNames();
    configuration.settings();
  }

  List<String> bucketNames() {
    Set<String> names = new LinkedHashSet<>();
    Arrays.stream(buckets.split(",", -1)).map(String::trim).forEach(names::add);
    for (String name : names) {
      if (!BUCKET.matcher(name).matches()) {
        throw new IllegalArgumentException(
            "'"
                + name
                + "' in couchbase-dcp:"
                + buckets
                + " is no bucket's name. Use couchbase-dcp:bucket or"
                + " couchbase-dcp:bucket1,bucket2.");
      }
    }
    return List.copyOf(names);
  }

  /**
   * The store of the options, or else the endpoint's own, which outlives the route's stops and
   * starts.
   */
  SharedOffsetStore offsetStore() {
    return requireNonNullElse(configuration.getOffsetStore(), memory);
  }

  /** The offset key of a consumer whose route has no id of its own: what it reads. */
  private String defaultOffsetKey() {
    String collections = configuration.getCollections();
    String names = String.join(",", bucketNames());
    return collections == null || collections.isBlank() ? names : names + "/" + collections;
  }

  @Override
  public Producer createProducer() {
    throw new UnsupportedOperationException(
        "couchbase-dcp only reads. Use it in 'from', and camel-couchbase or another component to"
            + " write.");
  }

  @Override
  public Consumer createConsumer(Processor processor) throws Exception {
    CouchbaseDcpConsumer consumer =
        new CouchbaseDcpConsumer(
            this,
            processor,
            new ConsumerOptions(
                buckets,
                bucketNames(),
                configuration,
                offsetStore(),
                defaultOffsetKey(),
                eventLoops,
                getComponent().isHealthCheckConsumerEnabled()));
    configureConsumer(consumer);
    return consumer;
  }

  @Override
  public HealthCheckComponent getComponent() {
    return (HealthCheckComponent) super.getComponent();
  }

  @Override
  public @Nullable String getServiceUrl() {
    return configuration.getConnectionString();
  }

  @Override
  public String getServiceProtocol() {
    return "couchbase";
  }

  @Override
  public Map<String, String> getServiceMetadata() {
    return Map.of("buckets", buckets);
  }

  public String getBuckets() {
    return buckets;
  }

  public void setBuckets(String buckets) {
    this.buckets = buckets;
  }

  public CouchbaseDcpConfiguration getConfiguration() {
    return configuration;
  }

  public void setConfiguration(CouchbaseDcpConfiguration configuration) {
    this.configuration = configuration;
  }
}
