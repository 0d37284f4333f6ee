// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.protocol;

import org.jspecify.annotations.Nullable;

/** The features that a node grants in HELLO. It ignores all other codes. */
public enum Feature {
  TCP_NODELAY(0x03),
  MUTATION_SEQNO(0x04),
  TCP_DELAY(0x05),
  XATTR(0x06),
  XERROR(0x07),
  SELECT_BUCKET(0x08),
  SNAPPY(0x0a),
  JSON(0x0b),
  DUPLEX(0x0c),
  CLUSTERMAP_CHANGE_NOTIFICATION(0x0d),
  UNORDERED_EXECUTION(0x0e),
  TRACING(0x0f),
  ALT_REQUEST_SUPPORT(0x10),
  SYNC_REPLICATION(0x11),
  COLLECTIONS(0x12),
  PRESERVE_TTL(0x14),
  VATTR(0x15),
  PITR(0x16),
  SUBDOC_CREATE_AS_DELETED(0x17),
  SUBDOC_DOCUMENT_MACRO_SUPPORT(0x18),
  SUBDOC_REPLACE_BODY_WITH_XATTR(0x19);

  private static final @Nullable Feature[] BY_CODE = new Feature[0x1a];

  static {
    for (Feature feature : values()) {
      BY_CODE[feature.code] = feature;
    }
  }

  private final int code;

  Feature(int code) {
    this.code = code;
  }

  public int code() {
    return code;
  }

  /** Returns the feature of this code, or null when the node doesn't grant it. */
  public static @Nullable Feature ofCode(int code) {
    return code < BY_CODE.length ? BY_CODE[code] : null;
  }
}
