// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.auth;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.EnumMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * A user: name, password and rights by bucket, scope and collection. Its text form has no password.
 * Thread-safe.
 */
public final class Account {
  /** Stands for every bucket, including buckets that don't exist. */
  static final String ANY_BUCKET = "*";

  /** Whether a user has a privilege in a place, another one there, or none there. */
  public enum Verdict {
    MAY,
    MAY_NOT,

    /** The answer must not show whether the scope or collection exists. */
    MAY_NOT_KNOW
  }

  /** Where rights are: in a bucket, in a scope, or in a collection; null is all of them. */
  private record Place(String bucket, @Nullable String scope, @Nullable String collection) {}

  private final String name;
  private final String password;
  private final Map<Place, Set<Privilege>> rights = new ConcurrentHashMap<>();
  private final Map<ScramMechanism, ScramCredentials> credentials =
      new EnumMap<>(ScramMechanism.class);

  Account(String name, String password) {
    this.name = name;
    this.password = password;
  }

  Account grant(String bucket, Set<Privilege> privileges) {
    return grant(bucket, null, null, privileges);
  }

  /** Grants rights in a scope, or in one collection of it. */
  Account grant(
      String bucket,
      @Nullable String scope,
      @Nullable String collection,
      Set<Privilege> privileges) {
    rights.put(new Place(bucket, scope, collection), Set.copyOf(privileges));
    return this;
  }

  String name() {
    return name;
  }

  public boolean hasPassword(String candidate) {
    return MessageDigest.isEqual(
        password.getBytes(StandardCharsets.UTF_8), candidate.getBytes(StandardCharsets.UTF_8));
  }

  /** Whether the user has any right in a bucket of this name. */
  public boolean covers(String bucket) {
    return rights.keySet().stream()
        .anyMatch(place -> place.bucket().equals(bucket) || place.bucket().equals(ANY_BUCKET));
  }

  /** Whether the user may do that in the whole bucket. */
  public boolean may(Privilege privilege, String bucket) {
    return in(bucket, null, null).contains(privilege)
        || in(ANY_BUCKET, null, null).contains(privilege);
  }

  /**
   * Whether the user may do that in a scope, or in a collection.
   *
   * @param collection null for the whole scope
   */
  public Verdict mayIn(
      Privilege privilege, String bucket, String scope, @Nullable String collection) {
    Set<Privilege> ofScope = in(bucket, scope, null);
    Set<Privilege> ofCollection = collection == null ? Set.of() : in(bucket, scope, collection);
    if (may(privilege, bucket) || ofScope.contains(privilege) || ofCollection.contains(privilege)) {
      return Verdict.MAY;
    }
    boolean knows =
        !ofScope.isEmpty()
            || !ofCollection.isEmpty()
            || in(bucket, null, null).stream().anyMatch(Privilege::isOfCollections)
            || in(ANY_BUCKET, null, null).stream().anyMatch(Privilege::isOfCollections);
    return knows ? Verdict.MAY_NOT : Verdict.MAY_NOT_KNOW;
  }

  private Set<Privilege> in(String bucket, @Nullable String scope, @Nullable String collection) {
    return rights.getOrDefault(new Place(bucket, scope, collection), Set.of());
  }

  /** The password as SCRAM uses it. It is derived once, because that takes some milliseconds. */
  ScramCredentials credentials(ScramMechanism mechanism) {
    synchronized (credentials) {
      return credentials.computeIfAbsent(
          mechanism, any -> ScramCredentials.derive(mechanism, password));
    }
  }

  @Override
  public String toString() {
    return name;
  }
}
