// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import dev.caravan.sandbox.kv.auth.Privilege;
import dev.caravan.sandbox.kv.bucket.ClusterConfig;
import dev.caravan.sandbox.kv.bucket.ServedBucket;
import dev.caravan.sandbox.kv.protocol.ErrorMap;
import dev.caravan.sandbox.kv.protocol.Feature;
import dev.caravan.sandbox.kv.protocol.Opcode;
import dev.caravan.sandbox.kv.protocol.Request;
import dev.caravan.sandbox.kv.protocol.Status;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/**
 * The commands of a session itself: HELLO, authentication, the choice of a bucket, and commands
 * that need no bucket.
 */
final class SessionCommands implements Commands {
  private static final String VERSION = "7.2.9-0000";

  private final KvNode node;
  private final SaslCommands sasl;

  SessionCommands(KvNode node) {
    this.node = node;
    sasl = new SaslCommands(node);
  }

  /** The commands that are allowed before authentication; returns false when it isn't one. */
  boolean handleAnonymous(Session session, Request request) {
    switch (request.opcode()) {
      case Opcode.HELLO -> hello(session, request);
      case Opcode.SASL_LIST_MECHS -> sasl.listMechanisms(session, request);
      case Opcode.SASL_AUTH -> sasl.start(session, request);
      case Opcode.SASL_STEP -> sasl.step(session, request);
      case Opcode.GET_ERROR_MAP -> errorMap(session, request);
      case Opcode.QUIT -> session.closeAfterAnswers();
      default -> {
        return false;
      }
    }
    return true;
  }

  @Override
  public boolean handle(Session session, Request request) {
    switch (request.opcode()) {
      case Opcode.VERSION -> session.answer(request, VERSION.getBytes(StandardCharsets.US_ASCII));
      case Opcode.NOOP -> session.answer(request, Status.SUCCESS);
      case Opcode.SELECT_BUCKET -> selectBucket(session, request);
      case Opcode.LIST_BUCKETS -> listBuckets(session, request);
      case Opcode.SET_CLUSTER_CONFIG -> setClusterConfig(session, request);
      case Opcode.GET_CLUSTER_CONFIG ->
          session.answerJson(request, Status.SUCCESS, session.clusterConfig());
      default -> {
        return false;
      }
    }
    return true;
  }

  private static void hello(Session session, Request request) {
    ByteBuffer codes = ByteBuffer.wrap(request.value());
    if (codes.remaining() % 2 != 0) {
      session.answer(request, Status.EINVAL);
      return;
    }
    Set<Feature> granted = EnumSet.noneOf(Feature.class);
    while (codes.hasRemaining()) {
      Feature feature = Feature.ofCode(Short.toUnsignedInt(codes.getShort()));
      if (feature != null) {
        granted.add(feature);
      }
    }
    if (granted.contains(Feature.TCP_NODELAY) && granted.contains(Feature.TCP_DELAY)) {
      session.refuse(request, Status.EINVAL, "TCPNODELAY cannot co-exist with TCPDELAY");
      return;
    }
    if (granted.contains(Feature.CLUSTERMAP_CHANGE_NOTIFICATION)
        && !granted.contains(Feature.DUPLEX)) {
      session.refuse(request, Status.EINVAL, "Clustermap change notification needs Duplex");
      return;
    }
    session.features(granted);
    // An EnumSet goes through its elements in the order of the codes.
    ByteBuffer reply = ByteBuffer.allocate(granted.size() * 2);
    granted.forEach(feature -> reply.putShort((short) feature.code()));
    session.answer(request, reply.array());
  }

  private static void errorMap(Session session, Request request) {
    if (request.valueLength() != Short.BYTES) {
      session.answer(request, Status.EINVAL);
      return;
    }
    int version = ByteBuffer.wrap(request.value()).getShort();
    if (version == 0) {
      session.answer(request, Status.KEY_ENOENT);
    } else {
      session.answerJson(request, Status.SUCCESS, ErrorMap.json(version));
    }
  }

  private void selectBucket(Session session, Request request) {
    String name = request.keyText();
    ServedBucket bucket = node.findBucket(name);
    if (session.producer() != null) {
      session.refuse(request, Status.NOT_SUPPORTED, "DCP connections cannot change bucket");
    } else if (!session.account().covers(name) || node.refusesAccess()) {
      session.answer(request, Status.EACCESS);
    } else if (bucket == null) {
      session.answer(request, Status.KEY_ENOENT);
    } else {
      session.bucket(bucket);
      session.answer(request, Status.SUCCESS);
    }
  }

  /** The cluster manager's way to publish a map; extras: epoch (8) revision (8). */
  private void setClusterConfig(Session session, Request request) {
    ServedBucket bucket = node.findBucket(request.keyText());
    if (!session.account().may(Privilege.SECURITY_MANAGEMENT, request.keyText())) {
      session.deny(request, Privilege.SECURITY_MANAGEMENT, "SET_CLUSTER_CONFIG");
    } else if (request.extrasLength() != 2 * Long.BYTES || request.valueLength() == 0) {
      session.answer(request, Status.EINVAL);
    } else if (request.longExtra(Long.BYTES) < 1) {
      session.refuse(request, Status.EINVAL, "Revision number must not be less than 1");
    } else if (bucket == null) {
      session.answer(request, Status.KEY_ENOENT);
    } else {
      ClusterConfig.Revision given =
          new ClusterConfig.Revision(
              request.longExtra(0), request.longExtra(Long.BYTES), request.value(), Map.of());
      boolean accepted = node.publish(bucket.bucket(), given);
      session.answer(request, accepted ? Status.SUCCESS : Status.KEY_EEXISTS);
    }
  }

  private void listBuckets(Session session, Request request) {
    String names =
        String.join(" ", node.bucketNames().stream().filter(session.account()::covers).toList());
    session.answer(request, names.getBytes(StandardCharsets.UTF_8));
  }
}
