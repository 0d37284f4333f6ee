// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import com.couchbase.client.core.deps.io.netty.channel.EventLoopGroup;
import com.couchbase.client.core.util.ConnectionString;
import com.couchbase.client.core.util.ConnectionStringUtil;
import com.couchbase.client.core.util.HostAndPort;
import com.couchbase.client.dcp.Authenticator;
import com.couchbase.client.dcp.Client;
import com.couchbase.client.dcp.config.CompressionMode;
import com.couchbase.client.dcp.config.DcpControl;
import com.couchbase.client.dcp.core.utils.MinimalEventBus;
import com.couchbase.client.dcp.message.StreamFlag;
import dev.caravan.stream.flow.FlowWindow;
import dev.caravan.stream.settings.PurgedTombstones;
import dev.caravan.stream.settings.SeedNodes;
import dev.caravan.stream.settings.StreamSettings;
import java.util.Set;
import java.util.stream.Collectors;

/** Makes DCP clients as the settings say. Immutable. */
public final class DcpClientFactory {
  /** The lowest there is: {@link FlowWindow} decides when a node hears of it. */
  private static final int ACKNOWLEDGE_AT_PERCENT = 1;

  /** The lowest that a server accepts, so that a dead node is noticed within twice that. */
  private static final int NOOP_INTERVAL_SECONDS = 20;

  private static final int KV_PORT = 11210;
  private static final int KV_TLS_PORT = 11207;

  private final StreamSettings settings;
  private final EventLoopGroup eventLoops;

  public DcpClientFactory(StreamSettings settings, EventLoopGroup eventLoops) {
    this.settings = settings;
    this.eventLoops = eventLoops;
  }

  /**
   * The addresses that a client tries first: those of the connection string, of which it takes one
   * for each host, or what DNS SRV has for it. May look that up, so it isn't for event loops.
   */
  public Set<String> seeds() {
    SeedNodes seeds = settings.seedNodes();
    return ConnectionStringUtil.seedNodesFromConnectionString(
            ConnectionString.create(seeds.toString()), true, seeds.tls(), MinimalEventBus.INSTANCE)
        .stream()
        .map(
            seed ->
                new HostAndPort(
                        seed.address(), seed.kvPort().orElse(seeds.tls() ? KV_TLS_PORT : KV_PORT))
                    .format())
        .collect(Collectors.toSet());
  }

  /**
   * Makes a client that isn't connected yet. May look up DNS SRV records, too.
   *
   * @param window the size of each connection's flow-control window, in bytes
   */
  public Client create(String bucket, Authenticator authenticator, int window) {
    return Client.builder()
        .connectionString(settings.seedNodes().toString())
        .bucket(bucket)
        .authenticator(authenticator)
        .userAgent("caravan", version(), bucket)
        .eventLoopGroup(eventLoops)
        .collectionsAware(true)
        .collectionNames(settings.collections())
        .bufferAckWatermark(ACKNOWLEDGE_AT_PERCENT)
        .flowControl(window)
        .compression(settings.compression() ? CompressionMode.ENABLED : CompressionMode.DISABLED)
        .optionalStreamFlags(
            settings.purgedTombstones() == PurgedTombstones.LENIENT
                ? Set.of(StreamFlag.IGNORE_PURGED_TOMBSTONES)
                : Set.of())
        .noValue(settings.noValue())
        .xattrs(settings.xattrs())
        .controlParam(DcpControl.Names.SET_NOOP_INTERVAL, NOOP_INTERVAL_SECONDS)
        // Servers before 6.5 don't know it and send expirations as deletions.
        .optionalControlParam(DcpControl.Names.ENABLE_EXPIRY_OPCODE.value(), "true")
        .socketConnectTimeout(settings.connectTimeout().toMillis())
        .bootstrapTimeout(settings.bootstrapTimeout())
        .securityConfig(
            security -> {
              security.enableHostnameVerification(settings.hostnameVerification());
              if (settings.trustCertificate() != null) {
                security.trustCertificate(settings.trustCertificate());
              }
            })
        .build();
  }

  private static String version() {
    String version = DcpClientFactory.class.getPackage().getImplementationVersion();
    return version == null ? "dev" : version;
  }
}
