// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.couchbase.client.core.deps.io.netty.buffer.ByteBuf;
import com.couchbase.client.core.deps.io.netty.buffer.Unpooled;
import com.couchbase.client.core.deps.io.netty.channel.ChannelDuplexHandler;
import com.couchbase.client.core.deps.io.netty.channel.ChannelHandlerContext;
import com.couchbase.client.core.deps.io.netty.channel.ChannelPipeline;
import com.couchbase.client.core.deps.io.netty.channel.ChannelPromise;
import com.couchbase.client.core.util.HostAndPort;
import com.couchbase.client.dcp.Authenticator;
import com.couchbase.client.dcp.Client;
import com.couchbase.client.dcp.buffer.DcpBucketConfig;
import com.couchbase.client.dcp.conductor.BucketConfigArbiter;
import com.couchbase.client.dcp.conductor.DcpChannel;
import com.couchbase.client.dcp.message.MessageUtil;
import com.couchbase.client.dcp.message.ResponseStatus;
import com.couchbase.client.dcp.message.RollbackMessage;
import com.couchbase.client.dcp.transport.netty.ChannelFlowController;
import dev.caravan.offset.Offset;
import dev.caravan.sandbox.DcpClients;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.sandbox.kv.store.VBucketState;
import dev.caravan.stream.cluster.NodeConnections;
import dev.caravan.stream.progress.LastReceivedSeqnos;
import dev.caravan.stream.settings.SeedNodes;
import dev.caravan.stream.settings.StreamSettings.Login;
import java.lang.reflect.Field;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Pins the internals of the DCP client that this package relies on. They are not part of its API,
 * so any release may change them without notice. See also {@link DcpClientFramesTest}.
 */
class DcpClientInternalsTest {
  private static final Duration TIMEOUT = Duration.ofSeconds(20);
  private static final int VBUCKETS = 4;
  private static final int WINDOW = 1 << 20;

  private CouchbaseNode node;
  private Bucket bucket;
  private Client client;
  private final List<String> clusterMaps = new CopyOnWriteArrayList<>();
  private final List<ByteBuf> sent = new CopyOnWriteArrayList<>();
  private final List<ByteBuf> received = new CopyOnWriteArrayList<>();
  private final List<ByteBuf> controlEvents = new CopyOnWriteArrayList<>();
  private final CompletableFuture<ChannelFlowController> flow = new CompletableFuture<>();
  private final List<String> handlersBefore = new CopyOnWriteArrayList<>();
  private volatile ChannelPipeline pipeline;

  /** Records frames between our handlers and those of the client. */
  private final class Recorder extends ChannelDuplexHandler {
    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
      received.add(Unpooled.copiedBuffer((ByteBuf) message));
      context.fireChannelRead(message);
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
      sent.add(Unpooled.copiedBuffer((ByteBuf) message));
      context.write(message, promise);
    }
  }

  @BeforeEach
  void start() throws Exception {
    node = CouchbaseNode.builder().vbuckets(VBUCKETS).bucket("default").start();
    bucket = node.bucket("default");
  }

  @AfterEach
  void stop() {
    DcpClients.end(client);
    node.close();
  }

  private void connect(String... collections) {
    NodeConnections connections = new NodeConnections(failure -> {});
    SessionEnd end =
        new SessionEnd(
            new FailureNames("default", SeedNodes.parse(node.connectionString()), connections),
            () -> {});
    ConnectionInitializer initializer =
        new ConnectionInitializer(
            "default",
            () -> new Login(CouchbaseNode.ADMINISTRATOR, CouchbaseNode.ADMINISTRATOR_PASSWORD),
            WINDOW,
            connections,
            new LastReceivedSeqnos(VBUCKETS),
            vbucket -> null,
            null,
            (map, host) -> clusterMaps.add(map),
            new MisdirectedRequests("default", TIMEOUT, end::fail),
            (connection, stream, history) -> {});
    client =
        Client.builder()
            .connectionString(node.connectionString())
            .bucket("default")
            .authenticator(
                new Authenticator() {
                  @Override
                  public void authKeyValueConnection(ChannelPipeline made) {
                    initializer.authKeyValueConnection(made);
                    handlersBefore.addAll(handlers(made));
                    made.addLast(new Recorder());
                    pipeline = made;
                  }
                })
            .collectionsAware(true)
            .collectionNames(collections)
            .bufferAckWatermark(1)
            .flowControl(WINDOW)
            .bootstrapTimeout(TIMEOUT)
            .build();
    client.controlEventHandler(
        (window, event) -> {
          controlEvents.add(Unpooled.copiedBuffer(event));
          event.release();
        });
    client.dataEventHandler(
        (window, event) -> {
          flow.complete(window);
          event.release();
        });
    client.connect().block(TIMEOUT);
  }

  private static List<String> handlers(ChannelPipeline pipeline) {
    return pipeline.toMap().values().stream()
        .map(handler -> handler.getClass().getSimpleName())
        .toList();
  }

  private static List<ByteBuf> ofOpcode(byte opcode, List<ByteBuf> frames) {
    return frames.stream().filter(frame -> frame.getByte(1) == opcode).toList();
  }

  private List<ByteBuf> streamRequests() {
    return ofOpcode(MessageUtil.DCP_STREAM_REQUEST_OPCODE, sent);
  }

  private List<ResponseStatus> streamAnswers() {
    return ofOpcode(MessageUtil.DCP_STREAM_REQUEST_OPCODE, received).stream()
        .map(MessageUtil::getResponseStatus)
        .toList();
  }

  private void stream(int vbucket, Offset from, long endSeqno) {
    client.sessionState().set(vbucket, new StreamState(from, endSeqno, () -> {}));
    client.startStreaming(Set.of(vbucket)).block(TIMEOUT);
  }

  /** {@link ConnectionInitializer}. */
  @Test
  void ourHandlersSeeEachFrameBeforeTheClientDoes() {
    connect();
    assertThat(handlersBefore)
        .containsSubsequence(
            "LengthFieldBasedFrameDecoder",
            "ConnectionMonitor",
            "ClusterMapHandler",
            "HandshakeHandler")
        .doesNotContain("BucketConfigHandler", "DcpConnectHandler", "DcpMessageHandler");
    assertThat(handlers(pipeline))
        .containsSubsequence(
            "LengthFieldBasedFrameDecoder",
            "ConnectionMonitor",
            "ClusterMapHandler",
            "Recorder",
            "BucketConfigHandler",
            "DcpMessageHandler")
        .doesNotContain("HandshakeHandler");
    assertThat(DcpChannel.getHostAndPort(pipeline.channel()).port()).isEqualTo(node.port());
  }

  /** {@link StreamStates}. */
  @Test
  void aStreamIsRequestedAsItsStateSays() {
    bucket.load(40, 10);
    connect();
    Offset now = new StreamStates(() -> client).currentOffsets(List.of(0)).block(TIMEOUT).get(0);
    assertThat(now.bySeqno()).isPositive();
    assertThat(client.streamIsOpen(0)).isFalse();

    StreamState state = new StreamState(now, now.bySeqno() + 5, () -> {});
    client.sessionState().set(0, state);
    assertThat(client.sessionState().get(0)).isSameAs(state);
    client.startStreaming(Set.of(0)).block(TIMEOUT);

    assertThat(client.streamIsOpen(0)).isTrue();
    assertThat(client.streamIsOpen(1)).isFalse();
    int extras = MessageUtil.HEADER_SIZE;
    assertThat(streamRequests())
        .singleElement()
        .satisfies(
            request -> {
              assertThat(request.getLong(extras + 8)).isEqualTo(now.bySeqno());
              assertThat(request.getLong(extras + 16)).isEqualTo(now.bySeqno() + 5);
              assertThat(request.getLong(extras + 24)).isEqualTo(now.vbuuid());
            });
    assertThat(state.manifest()).isNotNull();
    client.stopStreaming(Set.of(0)).block(TIMEOUT);
    assertThat(client.streamIsOpen(0)).isFalse();
  }

  /** {@link StreamRequests} and {@link PersistenceGate}. */
  @Test
  void aSecondRequestForAnOpenStreamSucceeds() {
    connect();
    stream(0, new Offset(0, 0, 0, 0, 0), -1);
    client.startStreaming(Set.of(0)).block(TIMEOUT);
    assertThat(streamAnswers()).containsExactly(ResponseStatus.NO_ERROR, ResponseStatus.KEY_EXISTS);
    assertThat(client.streamIsOpen(0)).isTrue();
  }

  /** The handler of control events opens the stream again. */
  @Test
  void aRollbackIsAControlEventAndNoFailure() {
    bucket.load(40, 10);
    connect();
    stream(0, new Offset(1234, 5, 5, 5, 0), -1);
    assertThat(streamAnswers()).containsExactly(ResponseStatus.ROLLBACK_REQUIRED);
    await().until(() -> controlEvents.stream().anyMatch(RollbackMessage::is));
    assertThat(client.streamIsOpen(0)).isFalse();
  }

  /** {@link MisdirectedRequests}. */
  @Test
  void aRefusedVbucketIsRequestedAgainUntilItIsThere() {
    connect();
    bucket.setState(0, VBucketState.REPLICA);
    client.sessionState().set(0, new StreamState(new Offset(0, 0, 0, 0, 0), -1, () -> {}));
    CompletableFuture<Void> open = client.startStreaming(Set.of(0)).toFuture();
    await().until(() -> streamAnswers().size() >= 2);
    assertThat(streamAnswers()).containsOnly(ResponseStatus.NOT_MY_VBUCKET);
    assertThat(open).isNotDone();
    bucket.setState(0, VBucketState.ACTIVE);
    assertThat(open).succeedsWithin(TIMEOUT);
  }

  /** {@link StreamState}. */
  @Test
  void aStreamThatIsAtItsEndIsNotOpenedAgainWhenItsConnectionBreaks() {
    connect();
    AtomicInteger asked = new AtomicInteger();
    client
        .sessionState()
        .set(0, new StreamState(new Offset(0, 0, 0, 0, 0), -1, asked::incrementAndGet));
    client.startStreaming(Set.of(0)).block(TIMEOUT);
    assertThat(asked).hasValue(0);
    ChannelPipeline broken = pipeline;
    broken.channel().close();
    await().until(() -> asked.get() == 1);
    await().until(() -> pipeline != broken && handlers(pipeline).contains("DcpMessageHandler"));
    assertThat(streamRequests()).hasSize(1);
  }

  /** {@link Keyspaces} and {@link FailureNames}. */
  @Test
  void aMissingCollectionFailsTheStreamThatIsRequestedAllTheSame() {
    connect("_default.none");
    assertThatThrownBy(() -> stream(0, new Offset(0, 0, 0, 0, 0), -1))
        .hasMessageStartingWith("Can't stream from collection");
    await().until(() -> streamRequests().size() == 1);
  }

  /** {@link DcpClientFactory} and {@link dev.caravan.stream.flow.FlowWindow}. */
  @Test
  void acknowledgementsAreGatheredUpToOnePercentOfTheWindow() {
    bucket.load(40, 10);
    connect();
    stream(0, new Offset(0, 0, 0, 0, 0), -1);
    assertThat(flow).succeedsWithin(TIMEOUT);
    int percent = Math.round(WINDOW / 100f);
    flow.join().ack(percent - 1);
    flow.join().ack(1);
    await().until(() -> !ofOpcode(MessageUtil.DCP_BUFFER_ACK_OPCODE, sent).isEmpty());
    assertThat(ofOpcode(MessageUtil.DCP_BUFFER_ACK_OPCODE, sent))
        .extracting(frame -> frame.getInt(MessageUtil.HEADER_SIZE))
        .containsExactly(percent);
  }

  private static String revised(String map, long epoch, long number) {
    return map.replaceAll("\"revEpoch\"\\s*:\\s*-?\\d+,?", "")
        .replaceFirst("\"rev\"\\s*:\\s*-?\\d+", "\"rev\":" + number + ",\"revEpoch\":" + epoch);
  }

  private List<DcpBucketConfig> accepted(String... maps) throws Exception {
    Field environment = Client.class.getDeclaredField("env");
    environment.setAccessible(true);
    BucketConfigArbiter arbiter =
        new BucketConfigArbiter((Client.Environment) environment.get(client));
    List<DcpBucketConfig> configs = new ArrayList<>();
    arbiter.configs().subscribe(configs::add);
    for (String map : maps) {
      arbiter.accept(new HostAndPort("127.0.0.1", node.port()), map);
    }
    return configs;
  }

  /** {@link MisdirectedRequests}. */
  @Test
  void mapsThatAreNotNewerAreIgnored() throws Exception {
    connect();
    await().until(() -> !clusterMaps.isEmpty());
    String map = clusterMaps.get(0);
    assertThat(
            accepted(
                revised(map, 2, 5),
                revised(map, 2, 5),
                revised(map, 2, 4),
                revised(map, 1, 9),
                revised(map, 2, 6),
                revised(map, 3, 1)))
        .extracting(config -> config.rev().epoch() + "." + config.rev().rev())
        .containsExactly("2.5", "2.6", "3.1");
  }

  /** {@link StreamOpener}. */
  @Test
  void theErrorForAVbucketWithoutANodeIsKnownByItsMessage() throws Exception {
    connect();
    await().until(() -> !clusterMaps.isEmpty());
    String map =
        clusterMaps.get(0).replaceFirst("(\"vBucketMap\"\\s*:\\s*\\[\\s*\\[\\s*)0", "$1-1");
    assertThat(accepted(map))
        .singleElement()
        .satisfies(
            config ->
                assertThatThrownBy(() -> config.getActiveNodeKvAddress(0))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageStartingWith("No active node for partition"));
  }
}
