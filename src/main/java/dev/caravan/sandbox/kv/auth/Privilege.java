// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.auth;

/** The privileges of users, with the names of a real node's messages. */
public enum Privilege {
  READ("Read", true),
  UPSERT("Upsert", true),
  DELETE("Delete", true),
  META_READ("MetaRead", true),

  /** To open a DCP connection to a bucket. */
  DCP_PRODUCER("DcpProducer", false),

  /**
   * To open a stream on it: of the whole bucket, or of the scopes and collections where granted.
   */
  DCP_STREAM("DcpStream", true),

  /** To change cluster maps. */
  SECURITY_MANAGEMENT("SecurityManagement", false);

  private final String label;
  private final boolean ofCollections;

  Privilege(String label, boolean ofCollections) {
    this.label = label;
    this.ofCollections = ofCollections;
  }

  public String label() {
    return label;
  }

  /** Whether it can be given for a single scope or collection. */
  boolean isOfCollections() {
    return ofCollections;
  }
}
