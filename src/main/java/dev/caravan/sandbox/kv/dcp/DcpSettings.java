// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.dcp;

import dev.caravan.sandbox.kv.protocol.Status;
import java.util.List;
import java.util.function.BiFunction;

/**
 * The choices of a DCP client, from its open request and its control messages. Confined to the
 * connection's event loop.
 */
public final class DcpSettings {
  public static final int PRODUCER = 0x01;
  public static final int INCLUDE_XATTRS = 0x04;
  public static final int NO_VALUE = 0x08;
  static final int DELETE_TIMES = 0x20;
  public static final int NO_VALUE_WITH_DATATYPE = 0x40;
  static final int PITR = 0x80;
  public static final int DELETED_USER_XATTRS = 0x100;
  public static final int KNOWN_FLAGS =
      PRODUCER
          | INCLUDE_XATTRS
          | NO_VALUE
          | DELETE_TIMES
          | NO_VALUE_WITH_DATATYPE
          | PITR
          | DELETED_USER_XATTRS;

  private static final int DEFAULT_NOOP_INTERVAL_SECONDS = 180;

  private final int flags;
  private final boolean snappy;
  private final boolean collections;
  private final FlowControlWindow window;
  private boolean noop;
  private long noopIntervalSeconds = DEFAULT_NOOP_INTERVAL_SECONDS;
  private boolean expiryOpcode;
  private boolean forceCompression;
  private boolean endOnClose;
  private boolean streamIds;
  private boolean syncWrites;
  private boolean named;
  private boolean flatBuffers;

  public DcpSettings(int flags, boolean snappy, boolean collections, FlowControlWindow window) {
    this.flags = flags;
    this.snappy = snappy;
    this.collections = collections;
    this.window = window;
  }

  public boolean snappy() {
    return snappy;
  }

  /** Whether keys carry their collection, and collection events are sent. */
  public boolean collections() {
    return collections;
  }

  public boolean xattrs() {
    return (flags & INCLUDE_XATTRS) != 0;
  }

  boolean noValue() {
    return (flags & (NO_VALUE | NO_VALUE_WITH_DATATYPE)) != 0;
  }

  boolean keepsDatatype() {
    return (flags & NO_VALUE_WITH_DATATYPE) != 0;
  }

  boolean deleteTimes() {
    return (flags & DELETE_TIMES) != 0;
  }

  /** Whether expirations have messages of their own. */
  boolean expirations() {
    return expiryOpcode && deleteTimes();
  }

  boolean forceCompression() {
    return forceCompression;
  }

  /** Whether a stream that the client closes gets a stream end. */
  public boolean endOnClose() {
    return endOnClose;
  }

  /** Whether a vBucket may have several streams, each with an id from the client. */
  public boolean streamIds() {
    return streamIds;
  }

  /** Whether snapshot markers are of version 2.0, for a client that knows of durable writes. */
  boolean longMarkers() {
    return syncWrites && named;
  }

  /** Whether collection events are FlatBuffers. */
  boolean flatBuffers() {
    return flatBuffers;
  }

  public boolean noop() {
    return noop;
  }

  long noopIntervalSeconds() {
    return noopIntervalSeconds;
  }

  /** The controls in the order in which a key is looked for: it may be the start of a name only. */
  private enum Control {
    CONNECTION_BUFFER_SIZE("connection_buffer_size", DcpSettings::setWindow),
    STREAM_BUFFER_SIZE("stream_buffer_size", (settings, value) -> Status.NOT_SUPPORTED),
    ENABLE_NOOP("enable_noop", DcpSettings::setNoop),
    SET_NOOP_INTERVAL("set_noop_interval", DcpSettings::setNoopInterval),
    SET_PRIORITY("set_priority", (settings, value) -> oneOf(value, "high", "medium", "low")),
    FORCE_VALUE_COMPRESSION("force_value_compression", DcpSettings::setForceCompression),
    CURSOR_DROPPING("supports_cursor_dropping", (settings, value) -> Status.SUCCESS),
    CURSOR_DROPPING_VULCAN("supports_cursor_dropping_vulcan", (settings, value) -> Status.SUCCESS),
    HIFI_MFU("supports_hifi_MFU", (settings, value) -> Status.SUCCESS),
    END_ON_CLOSE("send_stream_end_on_client_close_stream", DcpSettings::setEndOnClose),
    EXPIRY_OPCODE("enable_expiry_opcode", DcpSettings::setExpiryOpcode),
    OUT_OF_ORDER(
        "enable_out_of_order_snapshots",
        (settings, value) -> oneOf(value, "true", "true_with_seqno_advanced")),
    BACKFILL_ORDER(
        "backfill_order", (settings, value) -> oneOf(value, "round-robin", "sequential")),
    V7_STATUS_CODES("v7_dcp_status_codes", (settings, value) -> oneOf(value, "true")),
    CONSUMER_NAME("consumer_name", DcpSettings::setConsumerName),
    STREAM_ID("enable_stream_id", DcpSettings::setStreamIds),
    SYNC_WRITES("enable_sync_writes", DcpSettings::setSyncWrites),
    FLATBUFFERS("flatbuffers_system_events", DcpSettings::setFlatBuffers),
    CHANGE_STREAMS("change_streams", (settings, value) -> Status.NOT_SUPPORTED);

    private final String key;
    private final BiFunction<DcpSettings, String, Status> action;

    Control(String key, BiFunction<DcpSettings, String, Status> action) {
      this.key = key;
      this.action = action;
    }
  }

  /** Carries out a control message; unknown ones are EINVAL. */
  public Status control(String key, String value) {
    for (Control control : Control.values()) {
      if (control.key.startsWith(key)) {
        return control.action.apply(this, value);
      }
    }
    return Status.EINVAL;
  }

  private static Status oneOf(String value, String... allowed) {
    return List.of(allowed).contains(value) ? Status.SUCCESS : Status.EINVAL;
  }

  private Status setWindow(String value) {
    try {
      window.resize(Long.parseUnsignedLong(value));
      return Status.SUCCESS;
    } catch (NumberFormatException e) {
      return Status.EINVAL;
    }
  }

  private Status setNoop(String value) {
    noop = value.equals("true");
    return Status.SUCCESS;
  }

  private Status setNoopInterval(String value) {
    try {
      noopIntervalSeconds = Integer.parseUnsignedInt(value);
      return Status.SUCCESS;
    } catch (NumberFormatException e) {
      return Status.EINVAL;
    }
  }

  private Status setForceCompression(String value) {
    forceCompression = value.equals("true");
    return Status.SUCCESS;
  }

  private Status setEndOnClose(String value) {
    endOnClose = value.equals("true");
    return Status.SUCCESS;
  }

  private Status setStreamIds(String value) {
    if (syncWrites) {
      return Status.NOT_SUPPORTED;
    }
    streamIds = value.equals("true");
    return streamIds ? Status.SUCCESS : Status.EINVAL;
  }

  private Status setSyncWrites(String value) {
    if (streamIds) {
      return Status.NOT_SUPPORTED;
    }
    syncWrites = value.equals("true");
    return syncWrites ? Status.SUCCESS : Status.EINVAL;
  }

  private Status setConsumerName(String value) {
    named = true;
    return Status.SUCCESS;
  }

  private Status setFlatBuffers(String value) {
    flatBuffers = value.equals("true");
    return flatBuffers ? Status.SUCCESS : Status.EINVAL;
  }

  private Status setExpiryOpcode(String value) {
    expiryOpcode = value.equals("true");
    return Status.SUCCESS;
  }
}
