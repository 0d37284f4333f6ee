// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.EnumMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** A user: name, password and rights by bucket. Its text form has no password. Thread-safe. */
final class Account {
  /** Stands for every bucket, those that don't exist included. */
  static final String ANY_BUCKET = "*";

  private final String name;
  private final String password;
  private final Map<String, Set<Privilege>> rights = new ConcurrentHashMap<>();
  private final Map<ScramMechanism, ScramCredentials> credentials =
      new EnumMap<>(ScramMechanism.class);

  Account(String name, String password) {
    this.name = name;
    this.password = password;
  }

  Account grant(String bucket, Set<Privilege> privileges) {
    rights.put(bucket, Set.copyOf(privileges));
    return this;
  }

  String name() {
    return name;
  }

  boolean hasPassword(String candidate) {
    return MessageDigest.isEqual(
        password.getBytes(StandardCharsets.UTF_8), candidate.getBytes(StandardCharsets.UTF_8));
  }

  /** Whether the user has any right in a bucket of this name. */
  boolean covers(String bucket) {
    return rights.containsKey(bucket) || rights.containsKey(ANY_BUCKET);
  }

  boolean may(Privilege privilege, String bucket) {
    return rights.getOrDefault(bucket, Set.of()).contains(privilege)
        || rights.getOrDefault(ANY_BUCKET, Set.of()).contains(privilege);
  }

  /** What SCRAM needs to know of the password; derived once, which takes some milliseconds. */
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
