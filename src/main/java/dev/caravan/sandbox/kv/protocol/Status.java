// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.protocol;

/** The statuses of this node's responses, with their numbers in the KV protocol. */
public enum Status {
  SUCCESS(0x00),
  KEY_ENOENT(0x01),
  KEY_EEXISTS(0x02),
  E2BIG(0x03),
  EINVAL(0x04),
  NOT_STORED(0x05),
  DELTA_BADVAL(0x06),
  NOT_MY_VBUCKET(0x07),
  NO_BUCKET(0x08),
  AUTH_ERROR(0x20),
  AUTH_CONTINUE(0x21),
  ERANGE(0x22),
  ROLLBACK(0x23),
  EACCESS(0x24),
  UNKNOWN_FRAME_INFO(0x80),
  UNKNOWN_COMMAND(0x81),
  NOT_SUPPORTED(0x83),
  UNKNOWN_COLLECTION(0x88),
  UNKNOWN_SCOPE(0x8c),
  STREAM_ID_INVALID(0x8d),
  SUBDOC_PATH_ENOENT(0xc0),
  SUBDOC_PATH_MISMATCH(0xc1),
  SUBDOC_PATH_EINVAL(0xc2),
  SUBDOC_VALUE_CANTINSERT(0xc5),
  SUBDOC_DOC_NOTJSON(0xc6),
  SUBDOC_DELTA_EINVAL(0xc8),
  SUBDOC_PATH_EEXISTS(0xc9),
  SUBDOC_INVALID_COMBO(0xcb),
  SUBDOC_MULTI_PATH_FAILURE(0xcc),
  SUBDOC_XATTR_INVALID_KEY_COMBO(0xcf),
  SUBDOC_XATTR_UNKNOWN_MACRO(0xd0),
  SUBDOC_XATTR_UNKNOWN_VATTR(0xd1),
  SUBDOC_XATTR_CANT_MODIFY_VATTR(0xd2),
  SUBDOC_INVALID_XATTR_ORDER(0xd4);

  private final int code;

  Status(int code) {
    this.code = code;
  }

  public int code() {
    return code;
  }

  /**
   * Whether clients from before the error map know this status. A client that didn't negotiate
   * XERROR is disconnected instead of being sent any other one.
   */
  public boolean isClassic() {
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
