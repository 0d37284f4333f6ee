// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.store;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A change of the collections as it goes into each vBucket's log: a name, which is empty when
 * something was dropped, and a payload.
 *
 * <pre>
 *   collection created  manifest uid (8)  scope (4)  collection (4)  max TTL (4, version 1 only)
 *   collection dropped  manifest uid (8)  scope (4)  collection (4)
 *   scope created       manifest uid (8)  scope (4)
 *   scope dropped       manifest uid (8)  scope (4)
 * </pre>
 *
 * @param id of the scope or the collection
 * @param version of the payload
 */
public record CollectionEvent(
    Item.Kind kind, int id, byte[] nameAndPayload, int nameLength, int version) {
  public static CollectionEvent created(CollectionsManifest.Scope scope, long uid) {
    byte[] name = scope.name().getBytes(StandardCharsets.UTF_8);
    ByteBuffer body = ByteBuffer.allocate(name.length + 12);
    body.put(name).putLong(uid).putInt(scope.id());
    return new CollectionEvent(Item.Kind.SCOPE_CREATED, scope.id(), body.array(), name.length, 0);
  }

  public static CollectionEvent created(CollectionsManifest.Collection collection, long uid) {
    byte[] name = collection.name().getBytes(StandardCharsets.UTF_8);
    boolean limited = collection.maxTtlSeconds() > 0;
    ByteBuffer body = ByteBuffer.allocate(name.length + (limited ? 20 : 16));
    body.put(name).putLong(uid).putInt(collection.scopeId()).putInt(collection.id());
    if (limited) {
      body.putInt(collection.maxTtlSeconds());
    }
    return new CollectionEvent(
        Item.Kind.COLLECTION_CREATED, collection.id(), body.array(), name.length, limited ? 1 : 0);
  }

  public static CollectionEvent dropped(CollectionsManifest.Scope scope, long uid) {
    byte[] body = ByteBuffer.allocate(12).putLong(uid).putInt(scope.id()).array();
    return new CollectionEvent(Item.Kind.SCOPE_DROPPED, scope.id(), body, 0, 0);
  }

  public static CollectionEvent dropped(CollectionsManifest.Collection collection, long uid) {
    ByteBuffer body = ByteBuffer.allocate(16);
    body.putLong(uid).putInt(collection.scopeId()).putInt(collection.id());
    return new CollectionEvent(Item.Kind.COLLECTION_DROPPED, collection.id(), body.array(), 0, 0);
  }

  /**
   * The events of all present collections, for a new vBucket. They are one change, so only the last
   * event has the uid: a client that stops in between must ask again.
   */
  static List<CollectionEvent> allOf(CollectionsManifest manifest) {
    List<CollectionsManifest.Scope> scopes =
        manifest.scopes().stream().filter(scope -> scope.id() != 0).toList();
    List<CollectionsManifest.Collection> collections =
        manifest.collections().stream().filter(collection -> collection.id() != 0).toList();
    int left = scopes.size() + collections.size();
    List<CollectionEvent> events = new ArrayList<>(left);
    for (CollectionsManifest.Scope scope : scopes) {
      events.add(created(scope, --left == 0 ? manifest.uid() : 0));
    }
    for (CollectionsManifest.Collection collection : collections) {
      events.add(created(collection, --left == 0 ? manifest.uid() : 0));
    }
    return events;
  }
}
