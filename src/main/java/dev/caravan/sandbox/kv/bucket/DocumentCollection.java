// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.bucket;

import dev.caravan.sandbox.kv.protocol.Datatype;
import dev.caravan.sandbox.kv.protocol.DocumentKey;
import dev.caravan.sandbox.kv.protocol.Status;
import dev.caravan.sandbox.kv.protocol.Xattrs;
import dev.caravan.sandbox.kv.store.Item;
import dev.caravan.sandbox.kv.store.VBucket;
import dev.caravan.sandbox.kv.store.Write;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** The documents of one collection, to be written from inside the process. Thread-safe. */
public final class DocumentCollection {
  private final Bucket bucket;
  private final int id;

  DocumentCollection(Bucket bucket, int id) {
    this.bucket = bucket;
    this.id = id;
  }

  /** The collection's id in the manifest: 0 for the default collection, otherwise 8 or more. */
  public int id() {
    return id;
  }

  /** Writes a document that never expires. */
  public Mutation upsert(String documentId, String value) {
    return upsert(documentId, value.getBytes(StandardCharsets.UTF_8), 0);
  }

  /**
   * Writes a document.
   *
   * @param expiry seconds since 1970 when it expires, 0 for never; one in the past is due at once
   */
  public Mutation upsert(String documentId, byte[] value, long expiry) {
    int datatype = Datatype.of(value);
    return store(documentId, value, datatype, expiry);
  }

  /**
   * Writes a document with extended attributes.
   *
   * @param namesAndValues name, JSON value, name, JSON value, ...; names of system attributes start
   *     with an underscore
   */
  public void upsertWithXattrs(String documentId, String value, String... namesAndValues) {
    byte[] body = value.getBytes(StandardCharsets.UTF_8);
    int json = Datatype.of(body);
    Map<String, String> attributes = new LinkedHashMap<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      attributes.put(namesAndValues[i], namesAndValues[i + 1]);
    }
    store(documentId, Xattrs.before(body, attributes), json | Datatype.XATTR, 0);
  }

  private Mutation store(String documentId, byte[] value, int datatype, long expiry) {
    byte[] id = documentId.getBytes(StandardCharsets.UTF_8);
    byte[] key = DocumentKey.of(this.id, id);
    byte[] keyAndValue = Arrays.copyOf(key, key.length + value.length);
    System.arraycopy(value, 0, keyAndValue, key.length, value.length);
    VBucket vbucket = bucket.vbucketOfKey(id);
    VBucket.Outcome outcome =
        vbucket.write(Write.set(keyAndValue, key.length, datatype, (int) expiry));
    requireCollection(outcome.status());
    return mutation(vbucket, outcome);
  }

  private static Mutation mutation(VBucket vbucket, VBucket.Outcome outcome) {
    return new Mutation(vbucket.id(), outcome.vbuuid(), outcome.seqno(), outcome.cas());
  }

  /** Deletes a document; returns false when there was none. */
  public boolean delete(String documentId) {
    return remove(documentId).isPresent();
  }

  /** Deletes a document; returns empty when there was none. */
  public Optional<Mutation> remove(String documentId) {
    byte[] id = documentId.getBytes(StandardCharsets.UTF_8);
    VBucket vbucket = bucket.vbucketOfKey(id);
    VBucket.Outcome outcome = vbucket.delete(DocumentKey.of(this.id, id), 0, false);
    requireCollection(outcome.status());
    return outcome.status() == Status.SUCCESS
        ? Optional.of(mutation(vbucket, outcome))
        : Optional.empty();
  }

  /** Expires a document now, whether it is due or not; returns false when there was none. */
  public boolean expire(String documentId) {
    byte[] id = documentId.getBytes(StandardCharsets.UTF_8);
    VBucket vbucket = bucket.vbucketOfKey(id);
    Item document = vbucket.get(DocumentKey.of(this.id, id));
    if (document == null) {
      return false;
    }
    vbucket.expire(document);
    return true;
  }

  /** The value of a document, without extended attributes and uncompressed. */
  public Optional<byte[]> get(String documentId) {
    byte[] id = documentId.getBytes(StandardCharsets.UTF_8);
    Item document = bucket.vbucketOfKey(id).get(DocumentKey.of(this.id, id));
    return document == null ? Optional.empty() : Optional.of(document.body());
  }

  private void requireCollection(Status status) {
    if (status == Status.UNKNOWN_COLLECTION) {
      throw new IllegalStateException("collection 0x" + Integer.toHexString(id) + " was dropped");
    }
  }
}
