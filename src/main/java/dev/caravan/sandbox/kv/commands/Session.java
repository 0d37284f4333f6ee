// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import dev.caravan.sandbox.kv.auth.Account;
import dev.caravan.sandbox.kv.auth.Privilege;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.sandbox.kv.bucket.ClusterConfig;
import dev.caravan.sandbox.kv.bucket.ServedBucket;
import dev.caravan.sandbox.kv.dcp.DcpProducer;
import dev.caravan.sandbox.kv.protocol.Datatype;
import dev.caravan.sandbox.kv.protocol.Feature;
import dev.caravan.sandbox.kv.protocol.Json;
import dev.caravan.sandbox.kv.protocol.Opcode;
import dev.caravan.sandbox.kv.protocol.Request;
import dev.caravan.sandbox.kv.protocol.Status;
import dev.caravan.sandbox.kv.store.CollectionsManifest;
import dev.caravan.sandbox.kv.store.VBucket;
import dev.caravan.sandbox.kv.store.VBucketState;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The state of one connection, and its answers.
 *
 * <p>Confined to the connection's event loop, except {@link #bucket()}, {@link #uses} and {@link
 * #close()}, which any thread may call. Answers are written without a flush: the connection flushes
 * when it has read all that has come.
 */
final class Session {
  /** The states in which a vBucket serves some request. */
  static final Set<VBucketState> ACTIVE = EnumSet.of(VBucketState.ACTIVE);

  static final Set<VBucketState> ALIVE = EnumSet.complementOf(EnumSet.of(VBucketState.DEAD));
  static final Set<VBucketState> ANY_STATE = EnumSet.allOf(VBucketState.class);

  private static final int MAGIC_RESPONSE = 0x81;
  private static final byte[] NOTHING = {};

  private final Channel channel;
  private final ClusterConfig clusterConfig;
  private final int node;
  private Set<Feature> features = EnumSet.noneOf(Feature.class);
  private @Nullable Account account;
  private volatile @Nullable ServedBucket bucket;
  private @Nullable DcpProducer producer;

  Session(Channel channel, ClusterConfig clusterConfig, int node) {
    this.channel = channel;
    this.clusterConfig = clusterConfig;
    this.node = node;
  }

  Channel channel() {
    return channel;
  }

  /** The cluster map for this connection. */
  byte[] clusterConfig() {
    ServedBucket selected = bucket;
    return clusterConfig.revision(selected == null ? null : selected.bucket()).json(node);
  }

  /**
   * Sends a new map of its bucket if the client asked for that; any thread may call this.
   *
   * <pre>
   *   extras: epoch (8) revision (8)   key: bucket   value: JSON
   * </pre>
   */
  void push(Bucket changed, ClusterConfig.Revision revision) {
    channel
        .eventLoop()
        .execute(
            () -> {
              if (uses(changed)
                  && has(Feature.DUPLEX)
                  && has(Feature.CLUSTERMAP_CHANGE_NOTIFICATION)) {
                write(changed.name(), revision);
              }
            });
  }

  private void write(String bucketName, ClusterConfig.Revision revision) {
    byte[] key = bucketName.getBytes(StandardCharsets.UTF_8);
    byte[] json = revision.json(node);
    int extras = 2 * Long.BYTES;
    int bodyLength = extras + key.length + json.length;
    ByteBuf frame = channel.alloc().buffer(Request.HEADER_LENGTH + bodyLength);
    frame.writeByte(Request.MAGIC_SERVER_REQUEST).writeByte(Opcode.CLUSTERMAP_CHANGE_NOTIFICATION);
    frame.writeShort(key.length).writeByte(extras).writeByte(Datatype.JSON).writeShort(0);
    frame.writeInt(bodyLength).writeInt(0).writeLong(0);
    frame.writeLong(revision.epoch()).writeLong(revision.number());
    frame.writeBytes(key).writeBytes(json);
    channel.writeAndFlush(frame, channel.voidPromise());
  }

  boolean has(Feature feature) {
    return features.contains(feature);
  }

  void features(Set<Feature> granted) {
    features = granted;
  }

  boolean isAuthenticated() {
    return account != null;
  }

  /**
   * The user that is logged in.
   *
   * @throws IllegalStateException when no user is
   */
  Account account() {
    if (account == null) {
      throw new IllegalStateException("nobody is logged in");
    }
    return account;
  }

  void account(Account authenticated) {
    account = authenticated;
  }

  boolean hasBucket() {
    return bucket != null;
  }

  /** Whether this bucket is the selected one. */
  boolean uses(Bucket candidate) {
    ServedBucket selected = bucket;
    return selected != null && selected.bucket() == candidate;
  }

  /**
   * The selected bucket.
   *
   * @throws IllegalStateException when none is
   */
  ServedBucket bucket() {
    ServedBucket selected = bucket;
    if (selected == null) {
      throw new IllegalStateException("no bucket is selected");
    }
    return selected;
  }

  void bucket(ServedBucket selected) {
    bucket = selected;
  }

  /** The DCP side of the connection, or null while it is an ordinary one. */
  @Nullable DcpProducer producer() {
    return producer;
  }

  void producer(DcpProducer opened) {
    producer = opened;
  }

  void close() {
    channel.close();
  }

  void answer(Request request, Status status) {
    send(request, status, NOTHING, NOTHING, Datatype.RAW, 0);
  }

  void answer(Request request, byte[] value) {
    send(request, Status.SUCCESS, NOTHING, value, Datatype.RAW, 0);
  }

  void answerJson(Request request, Status status, byte[] json) {
    send(request, status, NOTHING, json, Datatype.JSON, 0);
  }

  /** Answers with an error and its reason. */
  void refuse(Request request, Status status, String context) {
    error(request, status, "{\"error\":{\"context\":" + Json.quoted(context) + "}}");
  }

  /** Answers with an error and this JSON, marked as JSON if the client asked for that. */
  void error(Request request, Status status, String json) {
    int datatype = has(Feature.JSON) || producer != null ? Datatype.JSON : Datatype.RAW;
    send(request, status, NOTHING, Json.bytes(json), datatype, 0);
  }

  /** Whether the user may do that in the selected bucket; if not, the request is answered. */
  boolean permits(Request request, Privilege privilege, String operation) {
    return account().may(privilege, bucket().name()) || deny(request, privilege, operation);
  }

  /** Whether the user may do that in a collection; if not, or there is none, it is answered. */
  boolean permitsIn(int collectionId, Request request, Privilege privilege, String operation) {
    CollectionsManifest manifest = bucket().manifest();
    CollectionsManifest.Collection collection = manifest.collection(collectionId);
    if (collection == null) {
      refuseUnknown(request, Status.UNKNOWN_COLLECTION);
      return false;
    }
    String scope = manifest.scopeOf(collection).name();
    return permitted(
        account().mayIn(privilege, bucket().name(), scope, collection.name()),
        Status.UNKNOWN_COLLECTION,
        request,
        privilege,
        operation);
  }

  /** Whether the user may do that in a whole scope; if not, or there is none, it is answered. */
  boolean permitsInScope(int scopeId, Request request, Privilege privilege, String operation) {
    CollectionsManifest.Scope scope = bucket().manifest().scope(scopeId);
    if (scope == null) {
      refuseUnknown(request, Status.UNKNOWN_SCOPE);
      return false;
    }
    return permitted(
        account().mayIn(privilege, bucket().name(), scope.name(), null),
        Status.UNKNOWN_SCOPE,
        request,
        privilege,
        operation);
  }

  private boolean permitted(
      Account.Verdict verdict,
      Status unknown,
      Request request,
      Privilege privilege,
      String operation) {
    switch (verdict) {
      case MAY -> {
        return true;
      }
      case MAY_NOT -> deny(request, privilege, operation);
      case MAY_NOT_KNOW -> refuseUnknown(request, unknown);
    }
    return false;
  }

  /** Answers that the user may not do that; returns false. */
  boolean deny(Request request, Privilege privilege, String operation) {
    String context =
        "Authorization failure: can't execute %s operation without the %s privilege"
            .formatted(operation, privilege.label());
    error(
        request,
        Status.EACCESS,
        "{\"error\":{\"context\":%s,\"ref\":\"%s\"}}"
            .formatted(Json.quoted(context), UUID.randomUUID()));
    return false;
  }

  /** Answers that a scope or collection is unknown in the present manifest. */
  void refuseUnknown(Request request, Status status) {
    error(
        request,
        status,
        "{\"error\":{\"context\":\"Unknown scope or collection in operation\"},\"manifest_uid\":\""
            + Long.toHexString(bucket().manifest().uid())
            + "\"}");
  }

  /**
   * The request's vBucket, or null when it is in none of these states on this node and the request
   * was answered with the map of those who have it.
   */
  @Nullable VBucket requireVBucket(Request request, Set<VBucketState> states) {
    VBucket vbucket = bucket().vbucket(request.vbucket());
    VBucketState state = bucket().state(request.vbucket());
    if (vbucket == null || state == null || !states.contains(state)) {
      answerJson(request, Status.NOT_MY_VBUCKET, clusterConfig());
      return null;
    }
    return vbucket;
  }

  void send(Request request, Status status, byte[] extras, byte[] value, int datatype, long cas) {
    if (account != null && !has(Feature.XERROR) && !status.isClassic()) {
      channel.close();
      return;
    }
    int bodyLength = extras.length + value.length;
    ByteBuf frame = channel.alloc().buffer(Request.HEADER_LENGTH + bodyLength);
    frame.writeByte(MAGIC_RESPONSE).writeByte(request.opcode()).writeShort(0);
    frame.writeByte(extras.length).writeByte(datatype).writeShort(status.code());
    frame.writeInt(bodyLength).writeInt(request.opaque()).writeLong(cas);
    frame.writeBytes(extras).writeBytes(value);
    channel.write(frame, channel.voidPromise());
  }

  /** Closes the connection when all answers so far have been sent. */
  void closeAfterAnswers() {
    channel.writeAndFlush(channel.alloc().buffer(0)).addListener(ChannelFutureListener.CLOSE);
  }
}
