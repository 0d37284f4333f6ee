// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import dev.caravan.offset.SharedOffsetStore;
import dev.caravan.stream.settings.PurgedTombstones;
import dev.caravan.stream.settings.RollbackPolicy;
import dev.caravan.stream.settings.SeedNodes;
import dev.caravan.stream.settings.StreamFrom;
import dev.caravan.stream.settings.StreamSettings;
import dev.caravan.stream.settings.StreamSettings.Login;
import dev.caravan.stream.settings.StreamTo;
import dev.caravan.stream.settings.VbucketSelection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.apache.camel.RuntimeCamelException;
import org.apache.camel.spi.Metadata;
import org.apache.camel.spi.UriParam;
import org.apache.camel.spi.UriParams;
import org.jspecify.annotations.Nullable;

/**
 * The options of a {@code couchbase-dcp} endpoint. A bean: not thread-safe, and not changed once
 * the endpoint is made.
 */
@UriParams
public class CouchbaseDcpConfiguration implements Cloneable {
  private static final Pattern COLLECTION =
      Pattern.compile("[A-Za-z0-9_%-]{1,251}\\.[A-Za-z0-9_%-]{1,251}");
  private static final int MIN_FLOW_CONTROL_BUFFER = 1024;
  private static final int MAX_FLOW_CONTROL_BUFFER = 1 << 30;
  private static final int MAX_BATCH_SIZE = 100_000;
  private static final int MAX_IN_FLIGHT = 1_000_000;

  @UriParam(label = "common")
  @Metadata(required = true)
  private @Nullable String connectionString;

  @UriParam(label = "security", secret = true)
  private @Nullable String username;

  @UriParam(label = "security", secret = true)
  private @Nullable String password;

  @UriParam(label = "security")
  private @Nullable Credentials credentials;

  @UriParam(label = "security")
  private @Nullable String trustCertificate;

  @UriParam(label = "security", defaultValue = "true")
  private boolean hostnameVerification = true;

  @UriParam(label = "consumer")
  private @Nullable String collections;

  @UriParam(label = "consumer", defaultValue = "all")
  private String vbuckets = "all";

  @UriParam(label = "consumer", defaultValue = "saved-or-beginning")
  private StreamFrom streamFrom = StreamFrom.SAVED_OR_BEGINNING;

  @UriParam(label = "consumer", defaultValue = "infinity")
  private StreamTo streamTo = StreamTo.INFINITY;

  @UriParam(label = "consumer", defaultValue = "resume")
  private RollbackPolicy rollbackPolicy = RollbackPolicy.RESUME;

  @UriParam(label = "consumer", defaultValue = "false")
  private boolean rollbackEvents;

  @UriParam(label = "consumer", defaultValue = "strict")
  private PurgedTombstones purgedTombstones = PurgedTombstones.STRICT;

  @UriParam(label = "consumer", defaultValue = "100ms", javaType = "java.time.Duration")
  private long persistencePollingInterval = 100;

  @UriParam(label = "consumer")
  private @Nullable SharedOffsetStore offsetStore;

  @UriParam(label = "consumer")
  private @Nullable String offsetKey;

  @UriParam(label = "consumer", defaultValue = "5s", javaType = "java.time.Duration")
  private long offsetCommitInterval = 5_000;

  @UriParam(label = "consumer", defaultValue = "retry")
  private OnDeliveryFailure onDeliveryFailure = OnDeliveryFailure.RETRY;

  @UriParam(label = "consumer", defaultValue = "1")
  private int batchSize = 1;

  @UriParam(label = "consumer", defaultValue = "16777216")
  private int flowControlBufferSize = 16 * 1024 * 1024;

  @UriParam(label = "consumer,advanced", defaultValue = "60s", javaType = "java.time.Duration")
  private long stallTimeout = 60_000;

  @UriParam(label = "consumer,advanced", defaultValue = "4000")
  private int maxInFlight = 4_000;

  @UriParam(label = "consumer,advanced", defaultValue = "true")
  private boolean compression = true;

  @UriParam(label = "consumer", defaultValue = "false")
  private boolean noValue;

  @UriParam(label = "consumer", defaultValue = "false")
  private boolean xattrs;

  @UriParam(label = "consumer,advanced", defaultValue = "2s", javaType = "java.time.Duration")
  private long connectTimeout = 2_000;

  @UriParam(label = "consumer,advanced", defaultValue = "10s", javaType = "java.time.Duration")
  private long bootstrapTimeout = 10_000;

  @UriParam(label = "consumer,advanced", defaultValue = "500ms", javaType = "java.time.Duration")
  private long retryBackoff = 500;

  @UriParam(label = "consumer,advanced", defaultValue = "30s", javaType = "java.time.Duration")
  private long maxRetryBackoff = 30_000;

  @UriParam(label = "consumer,advanced", defaultValue = "3s", javaType = "java.time.Duration")
  private long drainTimeout = 3_000;

  CouchbaseDcpConfiguration copy() {
    try {
      return (CouchbaseDcpConfiguration) clone();
    } catch (CloneNotSupportedException e) {
      throw new RuntimeCamelException(e);
    }
  }

  /**
   * Checks all options and returns them in the form that the streams use.
   *
   * @throws IllegalArgumentException if an option is wrong; the message has its name, its value and
   *     the remedy
   */
  StreamSettings settings() {
    if (connectionString == null || connectionString.isBlank()) {
      throw new IllegalArgumentException(
          "connectionString is missing. Set it to the cluster's nodes, for example"
              + " couchbase://host1,host2:11210.");
    }
    if (credentials == null && (username == null) != (password == null)) {
      throw new IllegalArgumentException(
          (username == null ? "username" : "password")
              + " is missing. Set username and password, or credentials, or none of them for a"
              + " bucket without a password.");
    }
    range("batchSize", batchSize, 1, MAX_BATCH_SIZE);
    range("maxInFlight", maxInFlight, 1, MAX_IN_FLIGHT);
    range(
        "flowControlBufferSize",
        flowControlBufferSize,
        MIN_FLOW_CONTROL_BUFFER,
        MAX_FLOW_CONTROL_BUFFER);
    duration("drainTimeout", drainTimeout, 0);
    duration("retryBackoff", retryBackoff, 1);
    if (maxRetryBackoff < retryBackoff) {
      throw new IllegalArgumentException(
          "maxRetryBackoff '"
              + maxRetryBackoff
              + "' ms is less than retryBackoff '"
              + retryBackoff
              + "' ms. Make it at least as much.");
    }
    return new StreamSettings(
        SeedNodes.parse(connectionString),
        trustCertificatePath(),
        hostnameVerification,
        login(),
        collectionNames(),
        VbucketSelection.parse(vbuckets),
        streamFrom,
        streamTo,
        rollbackPolicy,
        rollbackEvents,
        purgedTombstones,
        duration("persistencePollingInterval", persistencePollingInterval, 0),
        duration("stallTimeout", stallTimeout, 0),
        flowControlBufferSize,
        compression,
        noValue,
        xattrs,
        duration("connectTimeout", connectTimeout, 1),
        duration("bootstrapTimeout", bootstrapTimeout, 1),
        Duration.ofMillis(retryBackoff),
        Duration.ofMillis(maxRetryBackoff),
        duration("offsetCommitInterval", offsetCommitInterval, 1));
  }

  private @Nullable Path trustCertificatePath() {
    if (trustCertificate == null || trustCertificate.isBlank()) {
      return null;
    }
    Path path = Path.of(trustCertificate);
    if (!Files.isReadable(path)) {
      throw new IllegalArgumentException(
          "trustCertificate '"
              + trustCertificate
              + "' can't be read. Give the path of a PEM file.");
    }
    return path;
  }

  private Function<String, Login> login() {
    if (credentials != null) {
      Credentials bean = credentials;
      return bucket -> new Login(bean.username(), bean.password());
    }
    if (username != null && password != null) {
      Login login = new Login(username, password);
      return bucket -> login;
    }
    return bucket -> new Login(bucket, "");
  }

  private Set<String> collectionNames() {
    Set<String> names = new LinkedHashSet<>();
    if (collections != null && !collections.isBlank()) {
      Arrays.stream(collections.split(",", -1)).map(String::trim).forEach(names::add);
    }
    for (String name : names) {
      if (!COLLECTION.matcher(name).matches()) {
        throw new IllegalArgumentException(
            "collections '"
                + collections
                + "': '"
                + name
                + "' is not of the form scope.collection. Separate several by commas.");
      }
    }
    return names;
  }

  private static void range(String option, int value, int min, int max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(
          option + " '" + value + "' is out of range. Set it to " + min + " to " + max + ".");
    }
  }

  private static Duration duration(String option, long millis, long min) {
    if (millis < min || millis > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          option
              + " '"
              + millis
              + "' ms is out of range. Set it to at least "
              + min
              + " ms and at most 24 days, for example 5s.");
    }
    return Duration.ofMillis(millis);
  }

  Duration drainTimeout() {
    return Duration.ofMillis(drainTimeout);
  }

  public @Nullable String getConnectionString() {
    return connectionString;
  }

  /**
   * The nodes of the cluster to connect to first: couchbase://host1,host2:11210, couchbases://host
   * for TLS, or just the hosts. Hosts are separated by commas or semicolons. A port is that of the
   * KV service; without one it is 11210, or 11207 with TLS.
   */
  public void setConnectionString(@Nullable String connectionString) {
    this.connectionString = connectionString;
  }

  public @Nullable String getUsername() {
    return username;
  }

  /**
   * The user name. The user needs the role Data DCP Reader for each bucket. Without username and
   * credentials, the consumer logs in with the bucket's name and an empty password, as Couchbase
   * Server before 5.0 requires.
   */
  public void setUsername(@Nullable String username) {
    this.username = username;
  }

  public @Nullable String getPassword() {
    return password;
  }

  /** The password of the user. */
  public void setPassword(@Nullable String password) {
    this.password = password;
  }

  public @Nullable Credentials getCredentials() {
    return credentials;
  }

  /**
   * A bean that returns the user name and the password. It replaces the options username and
   * password. It is called for every new connection, so both may change while the route runs.
   */
  public void setCredentials(@Nullable Credentials credentials) {
    this.credentials = credentials;
  }

  public @Nullable String getTrustCertificate() {
    return trustCertificate;
  }

  /**
   * The path of a PEM file with the certificate of the authority that signed the nodes'
   * certificates, for couchbases://. Without it, the authorities of the Java runtime and of
   * Couchbase Capella are trusted.
   */
  public void setTrustCertificate(@Nullable String trustCertificate) {
    this.trustCertificate = trustCertificate;
  }

  public boolean isHostnameVerification() {
    return hostnameVerification;
  }

  /**
   * Whether a node's certificate must match the host name that the consumer connects to, for
   * couchbases://.
   */
  public void setHostnameVerification(boolean hostnameVerification) {
    this.hostnameVerification = hostnameVerification;
  }

  public @Nullable String getCollections() {
    return collections;
  }

  /**
   * The collections to read, each as scope.collection, separated by commas. Without it, the whole
   * bucket is read.
   */
  public void setCollections(@Nullable String collections) {
    this.collections = collections;
  }

  public String getVbuckets() {
    return vbuckets;
  }

  /**
   * The part of each bucket to read: all; vBuckets and ranges of them such as 0-511,700; or a share
   * such as 1/4, the second (counted from 0) of four ranges whose sizes differ by at most one.
   */
  public void setVbuckets(String vbuckets) {
    this.vbuckets = vbuckets;
  }

  public StreamFrom getStreamFrom() {
    return streamFrom;
  }

  /**
   * Where to start when the route starts. The saved-or values continue from the saved offsets;
   * vBuckets without a saved offset start at their beginning or at their current end. The values
   * beginning and now ignore saved offsets. The starting point is saved before the first change is
   * read. Until the route stops, retries continue from the saved offsets.
   */
  public void setStreamFrom(StreamFrom streamFrom) {
    this.streamFrom = streamFrom;
  }

  public StreamTo getStreamTo() {
    return streamTo;
  }

  /**
   * Where to end: never, or at the position that each vBucket has when the route starts. With now,
   * the route stops by itself after all exchanges are done and the offsets are saved. A route that
   * is started again continues from there.
   */
  public void setStreamTo(StreamTo streamTo) {
    this.streamTo = streamTo;
  }

  public RollbackPolicy getRollbackPolicy() {
    return rollbackPolicy;
  }

  /**
   * The action if Couchbase has lost changes that were already read, for example after a failover.
   * With resume, the consumer reads again from the last change that Couchbase still has. With fail,
   * it stops with an error, so that an operator can check the published changes. Both log and count
   * the rollback.
   */
  public void setRollbackPolicy(RollbackPolicy rollbackPolicy) {
    this.rollbackPolicy = rollbackPolicy;
  }

  public boolean isRollbackEvents() {
    return rollbackEvents;
  }

  /**
   * Whether the route receives a message for each rollback, with event type ROLLBACK, after the
   * changes that are published again. Its body is a Map with bucket, vBucket, fromSeqno, toSeqno,
   * oldVbuuid, newVbuuid and lost.
   */
  public void setRollbackEvents(boolean rollbackEvents) {
    this.rollbackEvents = rollbackEvents;
  }

  public PurgedTombstones getPurgedTombstones() {
    return purgedTombstones;
  }

  /**
   * The action if Couchbase has purged deletions that were not read yet, because the route was
   * stopped for longer than the bucket's metadata purge interval. With strict, the vBucket is read
   * again from its beginning, and the changes since the last offset are published. That counts as a
   * rollback to 0. With lenient, the consumer continues from the last offset. Neither value
   * publishes the purged deletions. Servers before 7.2 don't support lenient and are strict.
   */
  public void setPurgedTombstones(PurgedTombstones purgedTombstones) {
    this.purgedTombstones = purgedTombstones;
  }

  public long getPersistencePollingInterval() {
    return persistencePollingInterval;
  }

  /**
   * How often to ask the active node and all replicas whether changes are persisted. The route
   * receives a change only after all of them have persisted it, so that a failover does not roll
   * back changes that were read. With 0, the route receives changes at once, and a failover may
   * roll back some of them. Ephemeral buckets persist nothing, so this option does not apply to
   * them. Waiting changes count against flowControlBufferSize. A small buffer and a long interval
   * limit the throughput to one buffer per interval and node.
   */
  public void setPersistencePollingInterval(long persistencePollingInterval) {
    this.persistencePollingInterval = persistencePollingInterval;
  }

  public @Nullable SharedOffsetStore getOffsetStore() {
    return offsetStore;
  }

  /**
   * Where to save offsets: file:path, kafka:topic with the parameter brokers, memory:name, or a
   * bean. Several routes may use the same file or topic, each with its own offsetKey. Without this
   * option, offsets are kept in memory: they are lost when the process ends, but not when the route
   * stops.
   */
  public void setOffsetStore(@Nullable SharedOffsetStore offsetStore) {
    this.offsetStore = offsetStore;
  }

  public @Nullable String getOffsetKey() {
    return offsetKey;
  }

  /**
   * The key under which offsets are saved, together with bucket and vBucket; the default is the id
   * of the route, or a key derived from the buckets and collections if Camel has generated the id.
   * Two consumers must not use the same offsets: the second is refused. They may use the same key
   * with disjoint vbuckets.
   */
  public void setOffsetKey(@Nullable String offsetKey) {
    this.offsetKey = offsetKey;
  }

  public long getOffsetCommitInterval() {
    return offsetCommitInterval;
  }

  /**
   * How often to save the offsets up to which every exchange is done. They are also saved when the
   * route stops.
   */
  public void setOffsetCommitInterval(long offsetCommitInterval) {
    this.offsetCommitInterval = offsetCommitInterval;
  }

  public OnDeliveryFailure getOnDeliveryFailure() {
    return onDeliveryFailure;
  }

  /**
   * The action after an exchange has failed and the route's error handler has not handled it. With
   * retry, the consumer waits for retryBackoff and reads again from the first change that is not
   * done. The pause doubles up to maxRetryBackoff while the same change fails. Until the change is
   * delivered, the health check is down and names it. With stop, the consumer stops with that error
   * until the route is started again.
   */
  public void setOnDeliveryFailure(OnDeliveryFailure onDeliveryFailure) {
    this.onDeliveryFailure = onDeliveryFailure;
  }

  public int getBatchSize() {
    return batchSize;
  }

  /**
   * The maximum number of documents in an exchange, 1 to 100000. With 1, the exchange's message is
   * the document, with its headers. With a larger value, the body is a List of messages, one for
   * each available document; the consumer does not wait for more documents.
   */
  public void setBatchSize(int batchSize) {
    this.batchSize = batchSize;
  }

  public int getFlowControlBufferSize() {
    return flowControlBufferSize;
  }

  /**
   * How many bytes each Couchbase node may send before their exchanges are done, 1024 to
   * 1073741824. It limits the memory that a consumer needs for documents: this many bytes per node
   * as sent (compressed), twice as many after connections broke, and about six times as many if
   * documents are tiny. Inflated documents in the route need the same amount again. All consumers
   * of a process use at most a quarter of the heap for that, so each of many consumers may use
   * less.
   */
  public void setFlowControlBufferSize(int flowControlBufferSize) {
    this.flowControlBufferSize = flowControlBufferSize;
  }

  public long getStallTimeout() {
    return stallTimeout;
  }

  /**
   * How long a vBucket that has changed may send nothing before its stream is opened again. If the
   * vBucket still sends nothing, the consumer's phase is DEGRADED. Time during which the route
   * accepts no exchange does not count. After ten times this timeout, the stream of a vBucket that
   * is far behind because only other collections change is also opened again, which advances its
   * offset. 0 disables both.
   */
  public void setStallTimeout(long stallTimeout) {
    this.stallTimeout = stallTimeout;
  }

  public int getMaxInFlight() {
    return maxInFlight;
  }

  /**
   * How many documents may be in the route before another exchange begins, 1 to 1000000. With 1, an
   * exchange waits until the one before it is done. Raise it for a high-latency Kafka; memory use
   * grows accordingly.
   */
  public void setMaxInFlight(int maxInFlight) {
    this.maxInFlight = maxInFlight;
  }

  public boolean isCompression() {
    return compression;
  }

  /** Whether Couchbase may send documents compressed. The route always receives them inflated. */
  public void setCompression(boolean compression) {
    this.compression = compression;
  }

  public boolean isNoValue() {
    return noValue;
  }

  /**
   * Whether to read changes without the documents' content. The body of a written document is then
   * empty.
   */
  public void setNoValue(boolean noValue) {
    this.noValue = noValue;
  }

  public boolean isXattrs() {
    return xattrs;
  }

  /** Whether to read the documents' extended attributes as well. */
  public void setXattrs(boolean xattrs) {
    this.xattrs = xattrs;
  }

  public long getConnectTimeout() {
    return connectTimeout;
  }

  /** How long to wait for a connection to a node. */
  public void setConnectTimeout(long connectTimeout) {
    this.connectTimeout = connectTimeout;
  }

  public long getBootstrapTimeout() {
    return bootstrapTimeout;
  }

  /**
   * How long to wait for the cluster to answer before the next attempt to connect. It is also how
   * long all nodes may be disconnected before the nodes of the connection string are tried again.
   */
  public void setBootstrapTimeout(long bootstrapTimeout) {
    this.bootstrapTimeout = bootstrapTimeout;
  }

  public long getRetryBackoff() {
    return retryBackoff;
  }

  /**
   * How long to wait after the first failed attempt to connect, or to deliver a change. It doubles
   * with each further failure. The number of attempts is not limited.
   */
  public void setRetryBackoff(long retryBackoff) {
    this.retryBackoff = retryBackoff;
  }

  public long getMaxRetryBackoff() {
    return maxRetryBackoff;
  }

  /** The maximum time to wait between attempts to connect, or to deliver a change. */
  public void setMaxRetryBackoff(long maxRetryBackoff) {
    this.maxRetryBackoff = maxRetryBackoff;
  }

  public long getDrainTimeout() {
    return drainTimeout;
  }

  /**
   * How long to wait for exchanges in the route to be done when the consumer stops. Changes that
   * are not done by then are read again after the next start.
   */
  public void setDrainTimeout(long drainTimeout) {
    this.drainTimeout = drainTimeout;
  }
}
