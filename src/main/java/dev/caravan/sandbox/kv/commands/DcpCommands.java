// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import dev.caravan.sandbox.kv.auth.Privilege;
import dev.caravan.sandbox.kv.bucket.ServedBucket;
import dev.caravan.sandbox.kv.dcp.DcpProducer;
import dev.caravan.sandbox.kv.dcp.DcpSettings;
import dev.caravan.sandbox.kv.dcp.DcpStream;
import dev.caravan.sandbox.kv.dcp.FlowControlWindow;
import dev.caravan.sandbox.kv.dcp.StreamFilter;
import dev.caravan.sandbox.kv.protocol.Datatype;
import dev.caravan.sandbox.kv.protocol.Feature;
import dev.caravan.sandbox.kv.protocol.Opcode;
import dev.caravan.sandbox.kv.protocol.RefusedException;
import dev.caravan.sandbox.kv.protocol.Request;
import dev.caravan.sandbox.kv.protocol.Status;
import dev.caravan.sandbox.kv.protocol.StreamFlags;
import dev.caravan.sandbox.kv.protocol.StreamPosition;
import dev.caravan.sandbox.kv.store.VBucket;
import java.nio.ByteBuffer;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Opens DCP connections and controls their streams. Stateless: the state of a connection is in its
 * {@link DcpProducer}.
 */
final class DcpCommands implements Commands {
  private static final int OPEN_EXTRAS = 8;
  private static final int STREAM_EXTRAS = 48;
  private static final String STREAM_REQUEST = "DCP_STREAM_REQ";

  private final Duration idleTimeout;

  DcpCommands(Duration idleTimeout) {
    this.idleTimeout = idleTimeout;
  }

  @Override
  public boolean handle(Session session, Request request) {
    switch (request.opcode()) {
      case Opcode.DCP_OPEN -> open(session, request);
      case Opcode.DCP_CONTROL,
          Opcode.DCP_STREAM_REQ,
          Opcode.DCP_CLOSE_STREAM,
          Opcode.DCP_GET_FAILOVER_LOG,
          Opcode.DCP_BUFFER_ACK -> {
        if (session.producer() == null) {
          session.refuse(
              request, Status.EINVAL, "The command can only be sent on a DCP connection");
        } else {
          steer(session, session.producer(), request);
        }
      }
      default -> {
        return false;
      }
    }
    return true;
  }

  private void steer(Session session, DcpProducer producer, Request request) {
    switch (request.opcode()) {
      case Opcode.DCP_CONTROL -> control(session, producer, request);
      case Opcode.DCP_STREAM_REQ -> openStream(session, producer, request);
      case Opcode.DCP_CLOSE_STREAM -> closeStream(session, producer, request);
      case Opcode.DCP_GET_FAILOVER_LOG -> failoverLog(session, request);
      default -> acknowledge(session, producer, request);
    }
  }

  private void open(Session session, Request request) {
    if (!session.hasBucket()) {
      session.answer(request, Status.NO_BUCKET);
      return;
    }
    String mistake = openMistake(session, request);
    if (mistake != null) {
      session.refuse(request, Status.EINVAL, mistake);
      return;
    }
    int flags = request.intExtra(4);
    if ((flags & DcpSettings.PRODUCER) == 0) {
      session.answer(request, Status.NOT_SUPPORTED);
      return;
    }
    if (!session.permits(request, Privilege.DCP_PRODUCER, "DCP_OPEN")) {
      return;
    }
    FlowControlWindow window = new FlowControlWindow();
    DcpSettings settings =
        new DcpSettings(
            flags, session.has(Feature.SNAPPY), session.has(Feature.COLLECTIONS), window);
    ServedBucket bucket = session.bucket();
    String name = request.keyText();
    DcpProducer producer =
        new DcpProducer(session.channel(), bucket, name, settings, window, idleTimeout);
    session.producer(producer);
    bucket.register(name, producer);
    session.answer(request, Status.SUCCESS);
  }

  /** The mistake in an open request, or null. */
  private static @Nullable String openMistake(Session session, Request request) {
    if (request.extrasLength() != OPEN_EXTRAS) {
      return "Request must include extras of length " + OPEN_EXTRAS;
    }
    if (request.keyLength() == 0) {
      return "Request must include key";
    }
    if (session.producer() != null) {
      return "The connection is already opened as a DCP connection";
    }
    int flags = request.intExtra(4);
    if ((flags & ~DcpSettings.KNOWN_FLAGS) != 0) {
      return "Request contains invalid flags";
    }
    int noValue = DcpSettings.NO_VALUE | DcpSettings.NO_VALUE_WITH_DATATYPE;
    if ((flags & noValue) == noValue) {
      return "Request contains invalid flags combination"
          + " (NO_VALUE && NO_VALUE_WITH_UNDERLYING_DATATYPE)";
    }
    boolean deletedUserXattrs = (flags & DcpSettings.DELETED_USER_XATTRS) != 0;
    if (deletedUserXattrs && (flags & DcpSettings.INCLUDE_XATTRS) == 0) {
      return "Request contains invalid flags combination"
          + " - IncludeDeletedUserXattrs but not IncludeXattrs";
    }
    return null;
  }

  private static void control(Session session, DcpProducer producer, Request request) {
    String key = request.keyText();
    String value = request.valueText();
    if (key.isEmpty() || value.isEmpty()) {
      session.refuse(
          request, Status.EINVAL, "Request must include " + (key.isEmpty() ? "key" : "value"));
      return;
    }
    if (key.equals("force_value_compression") && !producer.settings().snappy()) {
      session.refuse(
          request,
          Status.EINVAL,
          "The ctrl parameter "
              + key
              + " is only supported if datatype snappy is enabled on the connection");
      return;
    }
    Status status = producer.settings().control(key, value);
    if (status == Status.EINVAL && key.equals("backfill_order")) {
      session.refuse(
          request, status, "Unsupported value '" + key + "' for ctrl parameter '" + key + "'");
      return;
    }
    session.answer(request, status);
    producer.schedule();
  }

  private static void openStream(Session session, DcpProducer producer, Request request) {
    DcpSettings settings = producer.settings();
    String mistake = streamMistake(settings, request);
    if (mistake != null) {
      session.refuse(request, Status.EINVAL, mistake);
      return;
    }
    // A replica is streamed where its vBucket would be active, but not from another node.
    boolean elsewhere = session.bucket().isActiveElsewhere(request.vbucket());
    boolean activeOnly = elsewhere || new StreamFlags(request.intExtra(0)).activeOnly();
    VBucket vbucket = session.requireVBucket(request, activeOnly ? Session.ACTIVE : Session.ALIVE);
    if (vbucket == null) {
      return;
    }
    if (!settings.noop() && (settings.xattrs() || settings.collections())) {
      session.answer(request, Status.NOT_SUPPORTED);
      return;
    }
    StreamPosition position =
        new StreamPosition(
            request.longExtra(8),
            request.longExtra(16),
            request.longExtra(24),
            request.longExtra(32),
            request.longExtra(40));
    if (!position.isRange()) {
      session.answer(request, Status.ERANGE);
      return;
    }
    try {
      StreamFilter filter =
          settings.collections()
              ? StreamFilter.parse(
                  request.value(), session.bucket().manifest(), settings.streamIds())
              : StreamFilter.defaultCollection();
      if (permits(session, request, filter)) {
        startStream(session, producer, request, vbucket, position, filter);
      }
    } catch (RefusedException e) {
      if (e.status() == Status.UNKNOWN_COLLECTION || e.status() == Status.UNKNOWN_SCOPE) {
        session.refuseUnknown(request, e.status());
      } else {
        session.answer(request, e.status());
      }
    }
  }

  private static boolean permits(Session session, Request request, StreamFilter filter) {
    if (filter.isOpen()) {
      boolean may = session.account().may(Privilege.DCP_STREAM, session.bucket().name());
      if (!may) {
        session.answer(request, Status.EACCESS);
      }
      return may;
    }
    if (filter.scopeId() >= 0) {
      return session.permitsInScope(
          filter.scopeId(), request, Privilege.DCP_STREAM, STREAM_REQUEST);
    }
    return filter.collectionIds().stream()
        .allMatch(id -> session.permitsIn(id, request, Privilege.DCP_STREAM, STREAM_REQUEST));
  }

  private static @Nullable String streamMistake(DcpSettings settings, Request request) {
    if (request.extrasLength() != STREAM_EXTRAS) {
      return "Request must include extras of length " + STREAM_EXTRAS;
    }
    if (request.valueLength() > 0 && !settings.collections()) {
      return "Request must not include value";
    }
    return new StreamFlags(request.intExtra(0)).areKnown()
        ? null
        : "Request contains invalid flags";
  }

  private static void startStream(
      Session session,
      DcpProducer producer,
      Request request,
      VBucket vbucket,
      StreamPosition position,
      StreamFilter filter) {
    if (producer.isOpen(vbucket.id(), filter.streamId())) {
      session.answer(request, Status.KEY_EEXISTS);
      return;
    }
    StreamFlags flags = new StreamFlags(request.intExtra(0));
    VBucket.StreamOpening start =
        vbucket.startStream(position, flags, session.bucket().persistedSeqno(vbucket));
    if (start.mustRollBack()) {
      byte[] seqno = ByteBuffer.allocate(Long.BYTES).putLong(start.rollbackSeqno()).array();
      session.send(request, Status.ROLLBACK, new byte[0], seqno, Datatype.RAW, 0);
      return;
    }
    session.answer(request, start.failoverLog());
    DcpStream stream =
        new DcpStream(producer, vbucket, request.opaque(), filter, position, flags, start);
    producer.open(stream);
    if (session.bucket().isActiveElsewhere(vbucket.id())) {
      // The vBucket moved in this moment, perhaps before the stream watched it.
      stream.stateChanged();
    }
  }

  private static void closeStream(Session session, DcpProducer producer, Request request) {
    if (producer.settings().streamIds() != (request.streamId() != 0)) {
      session.answer(request, Status.STREAM_ID_INVALID);
      return;
    }
    DcpStream stream = producer.closeStream(request.vbucket(), request.streamId());
    if (stream == null) {
      session.answer(request, Status.KEY_ENOENT);
      return;
    }
    session.answer(request, Status.SUCCESS);
    if (producer.settings().endOnClose()) {
      producer.sendClosed(stream);
    }
  }

  private static void failoverLog(Session session, Request request) {
    VBucket vbucket = session.requireVBucket(request, Session.ANY_STATE);
    if (vbucket != null) {
      session.answer(request, session.bucket().failoverLog(vbucket));
    }
  }

  private static void acknowledge(Session session, DcpProducer producer, Request request) {
    if (request.extrasLength() != Integer.BYTES) {
      session.refuse(
          request, Status.EINVAL, "Request must include extras of length " + Integer.BYTES);
    } else {
      producer.acknowledge(Integer.toUnsignedLong(request.intExtra(0)));
    }
  }
}
