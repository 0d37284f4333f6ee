// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.store;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The scopes and collections of a bucket at one moment. Immutable; every change makes a new
 * manifest with the next uid. Ids are never used twice; the first is 8, and 0 is the default scope
 * and collection.
 */
public final class CollectionsManifest {
  public static final String DEFAULT = "_default";

  private static final int FIRST_ID = 8;

  /**
   * A scope.
   *
   * @param name unique in the bucket
   * @param id 0 for the default scope, otherwise 8 or more
   */
  public record Scope(String name, int id) {}

  /**
   * A collection.
   *
   * @param name unique in its scope
   * @param id 0 for the default collection, otherwise 8 or more
   * @param maxTtlSeconds the longest life of a document in seconds, 0 for no limit
   */
  public record Collection(String name, int id, int scopeId, int maxTtlSeconds) {}

  private final long uid;
  private final int nextScopeId;
  private final int nextCollectionId;
  private final List<Scope> scopes;
  private final List<Collection> collections;

  private CollectionsManifest(
      long uid,
      int nextScopeId,
      int nextCollectionId,
      List<Scope> scopes,
      List<Collection> collections) {
    this.uid = uid;
    this.nextScopeId = nextScopeId;
    this.nextCollectionId = nextCollectionId;
    this.scopes = List.copyOf(scopes);
    this.collections = List.copyOf(collections);
  }

  /** The manifest of a new bucket. */
  public static CollectionsManifest initial() {
    return new CollectionsManifest(
        0,
        FIRST_ID,
        FIRST_ID,
        List.of(new Scope(DEFAULT, 0)),
        List.of(new Collection(DEFAULT, 0, 0, 0)));
  }

  public CollectionsManifest withScope(String name) {
    if (scope(name).isPresent()) {
      throw new IllegalArgumentException("scope \"" + name + "\" exists already");
    }
    List<Scope> changed = new ArrayList<>(scopes);
    changed.add(new Scope(name, nextScopeId));
    return new CollectionsManifest(
        uid + 1, nextScopeId + 1, nextCollectionId, changed, collections);
  }

  public CollectionsManifest withCollection(Scope scope, String name, int maxTtlSeconds) {
    if (collection(scope, name).isPresent()) {
      throw new IllegalArgumentException(
          "collection \"" + scope.name() + "." + name + "\" exists already");
    }
    List<Collection> changed = new ArrayList<>(collections);
    changed.add(new Collection(name, nextCollectionId, scope.id(), maxTtlSeconds));
    return new CollectionsManifest(uid + 1, nextScopeId, nextCollectionId + 1, scopes, changed);
  }

  public CollectionsManifest withoutCollection(Collection dropped) {
    List<Collection> changed = new ArrayList<>(collections);
    changed.remove(dropped);
    return new CollectionsManifest(uid + 1, nextScopeId, nextCollectionId, scopes, changed);
  }

  public CollectionsManifest withoutScope(Scope dropped) {
    if (dropped.id() == 0) {
      throw new IllegalArgumentException("the default scope can't be dropped");
    }
    List<Scope> changed = new ArrayList<>(scopes);
    changed.remove(dropped);
    List<Collection> remaining = new ArrayList<>(collections);
    remaining.removeAll(collectionsOf(dropped.id()));
    return new CollectionsManifest(uid + 1, nextScopeId, nextCollectionId, changed, remaining);
  }

  public long uid() {
    return uid;
  }

  List<Scope> scopes() {
    return scopes;
  }

  List<Collection> collections() {
    return collections;
  }

  public List<Collection> collectionsOf(int scopeId) {
    return collections.stream().filter(c -> c.scopeId() == scopeId).toList();
  }

  public Optional<Scope> scope(String name) {
    return scopes.stream().filter(s -> s.name().equals(name)).findFirst();
  }

  /** Returns the scope of this id, or null. */
  public @Nullable Scope scope(int id) {
    return scopes.stream().filter(s -> s.id() == id).findFirst().orElse(null);
  }

  /** The scope that a collection of this manifest is in. */
  public Scope scopeOf(Collection collection) {
    return scopes.stream().filter(s -> s.id() == collection.scopeId()).findFirst().orElseThrow();
  }

  public Optional<Collection> collection(Scope scope, String name) {
    return collections.stream()
        .filter(c -> c.scopeId() == scope.id() && c.name().equals(name))
        .findFirst();
  }

  /** Returns the collection of this id, or null. */
  public @Nullable Collection collection(int id) {
    for (Collection collection : collections) {
      if (collection.id() == id) {
        return collection;
      }
    }
    return null;
  }

  public String toJson() {
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    ArrayNode scopeNodes = root.putArray("scopes");
    for (Scope scope : scopes) {
      ObjectNode scopeNode = scopeNodes.addObject();
      ArrayNode collectionNodes = scopeNode.putArray("collections");
      for (Collection collection : collectionsOf(scope.id())) {
        ObjectNode node = collectionNodes.addObject();
        if (collection.maxTtlSeconds() > 0) {
          node.put("maxTTL", collection.maxTtlSeconds());
        }
        node.put("name", collection.name()).put("uid", Integer.toHexString(collection.id()));
      }
      scopeNode.put("name", scope.name()).put("uid", Integer.toHexString(scope.id()));
    }
    return root.put("uid", Long.toHexString(uid)).toString();
  }
}
