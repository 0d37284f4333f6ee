// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.dcp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.caravan.sandbox.kv.protocol.RefusedException;
import dev.caravan.sandbox.kv.protocol.Status;
import dev.caravan.sandbox.kv.store.CollectionsManifest;
import dev.caravan.sandbox.kv.store.Item;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

/**
 * Which items a stream carries: all, the default collection, some collections, or those of a scope.
 *
 * <p>Items must be given in seqno order, since events change what passes afterwards. Confined to
 * its stream's event loop.
 */
public final class StreamFilter {
  private enum Scope {
    EVERYTHING,
    DEFAULT_COLLECTION,
    COLLECTIONS,
    ONE_SCOPE
  }

  private static final int MAX_STREAM_ID = 0xffff;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Scope scope;
  private final int scopeId;
  private final Set<Integer> collections;
  private int streamId;
  private boolean exhausted;

  private StreamFilter(Scope scope, int scopeId, Set<Integer> collections) {
    this.scope = scope;
    this.scopeId = scopeId;
    this.collections = collections;
  }

  /**
   * Passes the documents of the default collection without events, for clients that don't know of
   * collections.
   */
  public static StreamFilter defaultCollection() {
    return new StreamFilter(Scope.DEFAULT_COLLECTION, 0, Set.of());
  }

  /**
   * Reads the value of a stream request: empty, or an object with {@code uid}, {@code collections}
   * or {@code scope}, where all ids are hexadecimal texts without a prefix, and {@code sid}, a
   * number.
   *
   * @param streamIds whether the connection has agreed on stream ids: then one is needed, otherwise
   *     none is allowed
   */
  public static StreamFilter parse(byte[] value, CollectionsManifest manifest, boolean streamIds)
      throws RefusedException {
    if (value.length == 0) {
      if (streamIds) {
        throw new RefusedException(Status.STREAM_ID_INVALID);
      }
      return new StreamFilter(Scope.EVERYTHING, 0, Set.of());
    }
    JsonNode root = readObject(value);
    if (root.has("sid") != streamIds) {
      throw new RefusedException(Status.STREAM_ID_INVALID);
    }
    StreamFilter filter = parse(root, manifest);
    if (streamIds) {
      filter.streamId = streamId(root.get("sid"));
    }
    return filter;
  }

  private static StreamFilter parse(JsonNode root, CollectionsManifest manifest)
      throws RefusedException {
    if (root.has("scope") && root.has("collections")) {
      throw new RefusedException(Status.EINVAL);
    }
    if (root.has("uid")) {
      hex(root.get("uid"));
    }
    if (root.has("scope")) {
      return ofScope((int) hex(root.get("scope")), manifest);
    }
    if (root.has("collections")) {
      return ofCollections(root.get("collections"), manifest);
    }
    if (root.has("uid") || root.has("sid")) {
      return new StreamFilter(Scope.EVERYTHING, 0, Set.of());
    }
    throw new RefusedException(Status.EINVAL);
  }

  private static int streamId(JsonNode node) throws RefusedException {
    if (!node.isInt() || node.intValue() < 1 || node.intValue() > MAX_STREAM_ID) {
      throw new RefusedException(Status.EINVAL);
    }
    return node.intValue();
  }

  private static JsonNode readObject(byte[] value) throws RefusedException {
    try {
      JsonNode root = JSON.readTree(value);
      if (root != null && root.isObject()) {
        return root;
      }
    } catch (IOException notJson) {
      // Refused below, like JSON that isn't an object.
    }
    throw new RefusedException(Status.EINVAL);
  }

  private static StreamFilter ofScope(int id, CollectionsManifest manifest)
      throws RefusedException {
    if (manifest.scope(id) == null) {
      throw new RefusedException(Status.UNKNOWN_SCOPE);
    }
    Set<Integer> ids = new HashSet<>();
    manifest.collectionsOf(id).forEach(collection -> ids.add(collection.id()));
    return new StreamFilter(Scope.ONE_SCOPE, id, ids);
  }

  private static StreamFilter ofCollections(JsonNode list, CollectionsManifest manifest)
      throws RefusedException {
    if (!list.isArray() || list.isEmpty()) {
      throw new RefusedException(Status.EINVAL);
    }
    Set<Integer> ids = new HashSet<>();
    for (JsonNode element : list) {
      int id = (int) hex(element);
      if (manifest.collection(id) == null) {
        throw new RefusedException(Status.UNKNOWN_COLLECTION);
      }
      ids.add(id);
    }
    return new StreamFilter(Scope.COLLECTIONS, 0, ids);
  }

  private static long hex(JsonNode node) throws RefusedException {
    if (!node.isTextual() || !node.textValue().matches("[0-9a-fA-F]{1,16}")) {
      throw new RefusedException(Status.EINVAL);
    }
    return Long.parseUnsignedLong(node.textValue(), 16);
  }

  /** The items that pass, in an array that may be the given one. */
  Item[] passing(Item[] items) {
    if (scope == Scope.EVERYTHING) {
      return items;
    }
    int count = 0;
    for (Item item : items) {
      if (passes(item)) {
        items[count++] = item;
      }
    }
    return count == items.length ? items : Arrays.copyOf(items, count);
  }

  private boolean passes(Item item) {
    if (!item.isEvent()) {
      int collection = item.collectionId();
      return scope == Scope.DEFAULT_COLLECTION ? collection == 0 : collections.contains(collection);
    }
    return switch (scope) {
      case COLLECTIONS -> passesCollections(item);
      case ONE_SCOPE -> passesScope(item);
      default -> false;
    };
  }

  private boolean passesCollections(Item event) {
    boolean passes = isCollectionEvent(event) && collections.contains(event.eventId());
    if (passes && event.kind() == Item.Kind.COLLECTION_DROPPED) {
      collections.remove(event.eventId());
      exhausted = collections.isEmpty();
    }
    return passes;
  }

  private boolean passesScope(Item event) {
    if (event.eventScopeId() != scopeId) {
      return false;
    }
    switch (event.kind()) {
      case COLLECTION_CREATED -> collections.add(event.eventId());
      case COLLECTION_DROPPED -> collections.remove(event.eventId());
      default -> exhausted = event.kind() == Item.Kind.SCOPE_DROPPED;
    }
    return true;
  }

  private static boolean isCollectionEvent(Item event) {
    return event.kind() == Item.Kind.COLLECTION_CREATED
        || event.kind() == Item.Kind.COLLECTION_DROPPED;
  }

  /** The id of the scope, or -1 when the filter isn't on a scope. */
  public int scopeId() {
    return scope == Scope.ONE_SCOPE ? scopeId : -1;
  }

  /** The collections that it names, or those of the scope that it names. */
  public Set<Integer> collectionIds() {
    return scope == Scope.DEFAULT_COLLECTION ? Set.of(0) : Set.copyOf(collections);
  }

  /** Whether it lets everything pass. */
  public boolean isOpen() {
    return scope == Scope.EVERYTHING;
  }

  /** The client's id of the stream, or 0 on a connection without stream ids. */
  public int streamId() {
    return streamId;
  }

  /** Whether everything that it lets pass was dropped. */
  boolean isExhausted() {
    return exhausted;
  }
}
