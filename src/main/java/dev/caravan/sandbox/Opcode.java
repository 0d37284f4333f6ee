// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

/**
 * The commands of the memcached binary protocol that the node knows; everything else is unknown to
 * it.
 */
final class Opcode {
  static final int GET = 0x00;
  static final int SET = 0x01;
  static final int ADD = 0x02;
  static final int REPLACE = 0x03;
  static final int DELETE = 0x04;
  static final int INCREMENT = 0x05;
  static final int DECREMENT = 0x06;
  static final int QUIT = 0x07;
  static final int NOOP = 0x0a;
  static final int VERSION = 0x0b;
  static final int APPEND = 0x0e;
  static final int PREPEND = 0x0f;
  static final int TOUCH = 0x1c;
  static final int GET_AND_TOUCH = 0x1d;
  static final int HELLO = 0x1f;
  static final int SASL_LIST_MECHS = 0x20;
  static final int SASL_AUTH = 0x21;
  static final int SASL_STEP = 0x22;
  static final int GET_ALL_VB_SEQNOS = 0x48;
  static final int DCP_OPEN = 0x50;
  static final int DCP_CLOSE_STREAM = 0x52;
  static final int DCP_STREAM_REQ = 0x53;
  static final int DCP_GET_FAILOVER_LOG = 0x54;
  static final int DCP_STREAM_END = 0x55;
  static final int DCP_SNAPSHOT_MARKER = 0x56;
  static final int DCP_MUTATION = 0x57;
  static final int DCP_DELETION = 0x58;
  static final int DCP_EXPIRATION = 0x59;
  static final int DCP_NOOP = 0x5c;
  static final int DCP_BUFFER_ACK = 0x5d;
  static final int DCP_CONTROL = 0x5e;
  static final int DCP_SYSTEM_EVENT = 0x5f;
  static final int DCP_SEQNO_ADVANCED = 0x64;
  static final int LIST_BUCKETS = 0x87;
  static final int SELECT_BUCKET = 0x89;
  static final int OBSERVE_SEQNO = 0x91;
  static final int GET_FAILOVER_LOG = 0x96;
  static final int GET_META = 0xa0;
  static final int SET_CLUSTER_CONFIG = 0xb4;
  static final int GET_CLUSTER_CONFIG = 0xb5;
  static final int GET_COLLECTIONS_MANIFEST = 0xba;
  static final int GET_COLLECTION_ID = 0xbb;
  static final int GET_SCOPE_ID = 0xbc;
  static final int SUBDOC_GET = 0xc5;
  static final int SUBDOC_EXISTS = 0xc6;
  static final int SUBDOC_DICT_ADD = 0xc7;
  static final int SUBDOC_DICT_UPSERT = 0xc8;
  static final int SUBDOC_DELETE = 0xc9;
  static final int SUBDOC_REPLACE = 0xca;
  static final int SUBDOC_ARRAY_PUSH_LAST = 0xcb;
  static final int SUBDOC_ARRAY_PUSH_FIRST = 0xcc;
  static final int SUBDOC_ARRAY_INSERT = 0xcd;
  static final int SUBDOC_ARRAY_ADD_UNIQUE = 0xce;
  static final int SUBDOC_COUNTER = 0xcf;
  static final int SUBDOC_MULTI_LOOKUP = 0xd0;
  static final int SUBDOC_MULTI_MUTATION = 0xd1;
  static final int SUBDOC_GET_COUNT = 0xd2;
  static final int GET_ERROR_MAP = 0xfe;

  /** Sent by the node, with a magic of its own. */
  static final int CLUSTERMAP_CHANGE_NOTIFICATION = 0x01;

  private Opcode() {}
}
