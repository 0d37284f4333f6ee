// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import dev.caravan.sandbox.kv.bucket.Bucket;

/**
 * The bucket of the recordings: two scopes, four collections, and the five documents that are in
 * vBucket 5 of 64. The recorded node took its collections as one change, here each is a change of
 * its own, so the events come in another order and with other uids. As there, all of it is on disk
 * only.
 */
public final class Recorded {
  private static final String[] KEYS = {"k80", "k98", "k183", "k356", "k362"};
  public static final int BOOKINGS_TTL = 86_400;

  private Recorded() {}

  public static void fill(Bucket bucket) {
    createCollections(bucket);
    for (String key : KEYS) {
      bucket.upsert(key, "{\"x\":1}");
    }
    bucket.openCheckpoints();
  }

  public static void createCollections(Bucket bucket) {
    bucket.createScope("inventory");
    bucket.createScope("tenant");
    bucket.createCollection("inventory", "airline");
    bucket.createCollection("inventory", "hotel");
    bucket.createCollection("tenant", "users");
    bucket.createCollection("tenant", "bookings", BOOKINGS_TTL);
  }
}
