// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.protocol;

/** The commands of the memcached binary protocol that the node knows. */
public final class Opcode {
  public static final int GET = 0x00;
  public static final int SET = 0x01;
  public static final int ADD = 0x02;
  public static final int REPLACE = 0x03;
  public static final int DELETE = 0x04;
  public static final int INCREMENT = 0x05;
  public static final int DECREMENT = 0x06;
  public static final int QUIT = 0x07;
  public static final int NOOP = 0x0a;
  public static final int VERSION = 0x0b;
  public static final int APPEND = 0x0e;
  public static final int PREPEND = 0x0f;
  public static final int TOUCH = 0x1c;
  public static final int GET_AND_TOUCH = 0x1d;
  public static final int HELLO = 0x1f;
  public static final int SASL_LIST_MECHS = 0x20;
  public static final int SASL_AUTH = 0x21;
  public static final int SASL_STEP = 0x22;
  public static final int GET_ALL_VB_SEQNOS = 0x48;
  public static final int DCP_OPEN = 0x50;
  public static final int DCP_CLOSE_STREAM = 0x52;
  public static final int DCP_STREAM_REQ = 0x53;
  public static final int DCP_GET_FAILOVER_LOG = 0x54;
  public static final int DCP_STREAM_END = 0x55;
  public static final int DCP_SNAPSHOT_MARKER = 0x56;
  public static final int DCP_MUTATION = 0x57;
  public static final int DCP_DELETION = 0x58;
  public static final int DCP_EXPIRATION = 0x59;
  public static final int DCP_NOOP = 0x5c;
  public static final int DCP_BUFFER_ACK = 0x5d;
  public static final int DCP_CONTROL = 0x5e;
  public static final int DCP_SYSTEM_EVENT = 0x5f;
  public static final int DCP_SEQNO_ADVANCED = 0x64;
  public static final int LIST_BUCKETS = 0x87;
  public static final int SELECT_BUCKET = 0x89;
  public static final int OBSERVE_SEQNO = 0x91;
  public static final int GET_FAILOVER_LOG = 0x96;
  public static final int GET_META = 0xa0;
  public static final int SET_CLUSTER_CONFIG = 0xb4;
  public static final int GET_CLUSTER_CONFIG = 0xb5;
  public static final int GET_COLLECTIONS_MANIFEST = 0xba;
  public static final int GET_COLLECTION_ID = 0xbb;
  public static final int GET_SCOPE_ID = 0xbc;
  public static final int SUBDOC_GET = 0xc5;
  public static final int SUBDOC_EXISTS = 0xc6;
  public static final int SUBDOC_DICT_ADD = 0xc7;
  public static final int SUBDOC_DICT_UPSERT = 0xc8;
  public static final int SUBDOC_DELETE = 0xc9;
  public static final int SUBDOC_REPLACE = 0xca;
  public static final int SUBDOC_ARRAY_PUSH_LAST = 0xcb;
  public static final int SUBDOC_ARRAY_PUSH_FIRST = 0xcc;
  public static final int SUBDOC_ARRAY_INSERT = 0xcd;
  public static final int SUBDOC_ARRAY_ADD_UNIQUE = 0xce;
  public static final int SUBDOC_COUNTER = 0xcf;
  public static final int SUBDOC_MULTI_LOOKUP = 0xd0;
  public static final int SUBDOC_MULTI_MUTATION = 0xd1;
  public static final int SUBDOC_GET_COUNT = 0xd2;
  public static final int GET_ERROR_MAP = 0xfe;

  /** Sent by the node, with a magic of its own. */
  public static final int CLUSTERMAP_CHANGE_NOTIFICATION = 0x01;

  private Opcode() {}
}
