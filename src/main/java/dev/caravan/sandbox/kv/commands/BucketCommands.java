// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import dev.caravan.sandbox.kv.auth.Privilege;
import dev.caravan.sandbox.kv.bucket.ServedBucket;
import dev.caravan.sandbox.kv.protocol.Datatype;
import dev.caravan.sandbox.kv.protocol.Feature;
import dev.caravan.sandbox.kv.protocol.Json;
import dev.caravan.sandbox.kv.protocol.Opcode;
import dev.caravan.sandbox.kv.protocol.Request;
import dev.caravan.sandbox.kv.protocol.Status;
import dev.caravan.sandbox.kv.store.CollectionsManifest;
import dev.caravan.sandbox.kv.store.VBucket;
import dev.caravan.sandbox.kv.store.VBucketState;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;

/** Commands about the selected bucket: seqnos, failover logs, scopes and collections. Stateless. */
final class BucketCommands implements Commands {
  private static final int EVERY_LIVING = 0;
  private static final byte[] NOTHING = {};

  @Override
  public boolean handle(Session session, Request request) {
    switch (request.opcode()) {
      case Opcode.GET_ALL_VB_SEQNOS,
          Opcode.OBSERVE_SEQNO,
          Opcode.GET_FAILOVER_LOG,
          Opcode.GET_COLLECTIONS_MANIFEST,
          Opcode.GET_COLLECTION_ID,
          Opcode.GET_SCOPE_ID -> {
        if (!session.hasBucket()) {
          session.answer(request, Status.NO_BUCKET);
        } else {
          answer(session, request);
        }
        return true;
      }
      default -> {
        return false;
      }
    }
  }

  private static void answer(Session session, Request request) {
    switch (request.opcode()) {
      case Opcode.GET_ALL_VB_SEQNOS -> allSeqnos(session, request);
      case Opcode.OBSERVE_SEQNO -> observe(session, request);
      case Opcode.GET_FAILOVER_LOG -> failoverLog(session, request);
      case Opcode.GET_COLLECTIONS_MANIFEST ->
          session.answerJson(
              request, Status.SUCCESS, Json.bytes(session.bucket().manifest().toJson()));
      case Opcode.GET_COLLECTION_ID -> collectionId(session, request);
      default -> scopeId(session, request);
    }
  }

  /**
   * The high seqno of each vBucket: of a collection if one is named, of the default collection for
   * clients that know of no collections, otherwise of the vBucket. Without a wanted state they are
   * those of all vBuckets but the dead ones.
   */
  private static void allSeqnos(Session session, Request request) {
    int extras = request.extrasLength();
    if (extras != 0 && extras != 4 && extras != 8) {
      session.answer(request, Status.EINVAL);
      return;
    }
    ServedBucket bucket = session.bucket();
    int wanted = extras >= 4 ? request.intExtra(0) : EVERY_LIVING;
    boolean ofCollection = extras == 8 || !session.has(Feature.COLLECTIONS);
    int collection = extras == 8 ? request.intExtra(4) : 0;
    boolean permitted =
        ofCollection
            ? session.permitsIn(collection, request, Privilege.META_READ, "GET_ALL_VB_SEQNOS")
            : session.permits(request, Privilege.META_READ, "GET_ALL_VB_SEQNOS");
    if (!permitted) {
      return;
    }
    ByteBuffer seqnos = ByteBuffer.allocate(bucket.vbucketCount() * 10);
    for (int id = 0; id < bucket.vbucketCount(); id++) {
      VBucket vbucket = bucket.vbucket(id);
      VBucketState state = bucket.state(id);
      if (vbucket != null
          && state != null
          && (wanted == EVERY_LIVING ? Session.ALIVE.contains(state) : wanted == state.code())) {
        seqnos.putShort((short) id);
        seqnos.putLong(
            ofCollection ? bucket.highSeqno(vbucket, collection) : bucket.highSeqno(vbucket));
      }
    }
    session.answer(request, Arrays.copyOf(seqnos.array(), seqnos.position()));
  }

  /**
   * How far a vBucket has been received and persisted by this node, which has it or a replica.
   *
   * <pre>
   *   0x00  vBucket (2)  vbuuid (8)  persisted seqno (8)  high seqno (8)
   *   0x01  vBucket (2)  new vbuuid (8)  persisted (8)  high (8)  asked vbuuid (8)  its last seqno (8)
   * </pre>
   */
  private static void observe(Session session, Request request) {
    VBucket vbucket = session.requireVBucket(request, Session.ALIVE);
    if (vbucket == null) {
      return;
    }
    if (request.valueLength() != Long.BYTES) {
      session.answer(request, Status.EINVAL);
      return;
    }
    if (!session.permits(request, Privilege.META_READ, "OBSERVE_SEQNO")) {
      return;
    }
    long uuid = ByteBuffer.wrap(request.value()).getLong();
    VBucket.Branch branch = session.bucket().branchOf(vbucket, uuid);
    if (branch == null) {
      session.answer(request, Status.KEY_ENOENT);
      return;
    }
    ByteBuffer reply = ByteBuffer.allocate(branch.isCurrent() ? 27 : 43);
    reply.put((byte) (branch.isCurrent() ? 0 : 1)).putShort((short) vbucket.id());
    reply.putLong(branch.currentUuid());
    reply.putLong(session.bucket().persistedSeqno(vbucket, branch.highSeqno()));
    reply.putLong(branch.highSeqno());
    if (!branch.isCurrent()) {
      reply.putLong(branch.uuid()).putLong(branch.upper());
    }
    session.answer(request, reply.array());
  }

  private static void failoverLog(Session session, Request request) {
    VBucket vbucket = session.requireVBucket(request, Session.ANY_STATE);
    if (vbucket != null) {
      session.answer(request, session.bucket().failoverLog(vbucket));
    }
  }

  private static void collectionId(Session session, Request request) {
    String[] path = path(request).split("\\.", -1);
    if (path.length != 2) {
      session.answer(request, Status.EINVAL);
      return;
    }
    CollectionsManifest manifest = session.bucket().manifest();
    Optional<CollectionsManifest.Scope> scope = manifest.scope(orDefault(path[0]));
    Optional<CollectionsManifest.Collection> collection =
        scope.flatMap(s -> manifest.collection(s, orDefault(path[1])));
    if (scope.isEmpty()) {
      session.refuseUnknown(request, Status.UNKNOWN_SCOPE);
    } else if (collection.isEmpty()) {
      session.refuseUnknown(request, Status.UNKNOWN_COLLECTION);
    } else {
      sendId(session, request, manifest.uid(), collection.get().id());
    }
  }

  private static void scopeId(Session session, Request request) {
    CollectionsManifest manifest = session.bucket().manifest();
    Optional<CollectionsManifest.Scope> scope =
        manifest.scope(orDefault(path(request).split("\\.", -1)[0]));
    if (scope.isEmpty()) {
      session.refuseUnknown(request, Status.UNKNOWN_SCOPE);
    } else {
      sendId(session, request, manifest.uid(), scope.get().id());
    }
  }

  private static void sendId(Session session, Request request, long uid, int id) {
    byte[] extras = ByteBuffer.allocate(12).putLong(uid).putInt(id).array();
    session.send(request, Status.SUCCESS, extras, NOTHING, Datatype.RAW, 0);
  }

  /** Newer clients send the path as the value, older ones as the key. */
  private static String path(Request request) {
    return request.keyLength() > 0 ? request.keyText() : request.valueText();
  }

  private static String orDefault(String name) {
    return name.isEmpty() ? CollectionsManifest.DEFAULT : name;
  }
}
