// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

/** What a user may do in a bucket, with the names that a real node's messages use. */
public enum Privilege {
  READ("Read"),
  UPSERT("Upsert"),
  DELETE("Delete"),
  META_READ("MetaRead"),
  DCP_PRODUCER("DcpProducer");

  private final String label;

  Privilege(String label) {
    this.label = label;
  }

  String label() {
    return label;
  }
}
