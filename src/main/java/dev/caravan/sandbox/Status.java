// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

/**
 * How a request can end, as the KV protocol numbers it. The name, the description and the
 * attributes are what the error map tells clients about a status.
 */
enum Status {
  SUCCESS(0x00, "The request was carried out", "success"),
  KEY_ENOENT(0x01, "Nothing was found under this name", "item-only"),
  KEY_EEXISTS(0x02, "The key exists already, or its CAS differs", "item-only"),
  E2BIG(0x03, "The value is larger than the node takes", "item-only", "invalid-input"),
  EINVAL(0x04, "The request is not well-formed", "internal", "invalid-input"),
  NOT_MY_VBUCKET(0x07, "The node doesn't serve this vBucket", "fetch-config", "invalid-input"),
  NO_BUCKET(0x08, "No bucket is selected", "conn-state-invalidated"),
  AUTH_ERROR(0x20, "The credentials were not accepted", "conn-state-invalidated", "auth"),
  AUTH_CONTINUE(0x21, "The authentication needs another step", "special-handling"),
  ERANGE(0x22, "The requested range makes no sense", "invalid-input"),
  ROLLBACK(0x23, "The client has to go back to an earlier seqno", "special-handling"),
  EACCESS(0x24, "The user may not do this", "support"),
  UNKNOWN_FRAME_INFO(0x80, "The request carries frame info of an unknown kind", "invalid-input"),
  UNKNOWN_COMMAND(0x81, "The node doesn't know this command", "support"),
  NOT_SUPPORTED(0x83, "The command is known, and refused as asked", "support"),
  UNKNOWN_COLLECTION(0x88, "There is no such collection", "item-only"),
  UNKNOWN_SCOPE(0x8c, "There is no such scope", "item-only"),
  STREAM_ID_INVALID(0x8d, "The stream id is not allowed here", "invalid-input");

  private final int code;
  private final String description;
  private final String[] attributes;

  Status(int code, String description, String... attributes) {
    this.code = code;
    this.description = description;
    this.attributes = attributes;
  }

  int code() {
    return code;
  }

  String description() {
    return description;
  }

  String[] attributes() {
    return attributes.clone();
  }

  /**
   * Whether clients from before the error map know this status. A client that didn't negotiate
   * XERROR is disconnected instead of being sent any other one.
   */
  boolean isClassic() {
    return switch (this) {
      case NO_BUCKET,
          EACCESS,
          UNKNOWN_FRAME_INFO,
          UNKNOWN_COLLECTION,
          UNKNOWN_SCOPE,
          STREAM_ID_INVALID ->
          false;
      default -> true;
    };
  }
}
