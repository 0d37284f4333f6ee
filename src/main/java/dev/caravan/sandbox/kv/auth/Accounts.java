// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.auth;

import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * All users: the administrator, the added users, and for each bucket a user of its name with an
 * empty password, as in servers that had no users yet. Thread-safe.
 */
public final class Accounts {
  public static final String ADMINISTRATOR = "Administrator";
  public static final String ADMINISTRATOR_PASSWORD = "password";

  private final Map<String, Account> accounts = new ConcurrentHashMap<>();
  private final Map<String, Account> bucketAccounts = new ConcurrentHashMap<>();

  public Accounts() {
    add(ADMINISTRATOR, ADMINISTRATOR_PASSWORD);
    grant(ADMINISTRATOR, Account.ANY_BUCKET, EnumSet.allOf(Privilege.class));
  }

  public void add(String name, String password) {
    accounts.put(name, new Account(name, password));
  }

  public void grant(String user, String bucket, Set<Privilege> privileges) {
    require(user).grant(bucket, privileges);
  }

  /** Grants rights in a scope, or in one collection of it; null is the whole scope. */
  public void grant(
      String user,
      String bucket,
      String scope,
      @Nullable String collection,
      Set<Privilege> privileges) {
    require(user).grant(bucket, scope, collection, privileges);
  }

  private Account require(String user) {
    Account account = accounts.get(user);
    if (account == null) {
      throw new IllegalArgumentException(
          "user \"" + user + "\" is unknown; add it before granting it rights");
    }
    return account;
  }

  public void addBucket(String bucket) {
    Set<Privilege> all = EnumSet.complementOf(EnumSet.of(Privilege.SECURITY_MANAGEMENT));
    bucketAccounts.put(bucket, new Account(bucket, "").grant(bucket, all));
  }

  public void removeBucket(String bucket) {
    bucketAccounts.remove(bucket);
  }

  /** Returns the user of this name, or null. */
  public @Nullable Account find(String name) {
    Account account = accounts.get(name);
    return account != null ? account : bucketAccounts.get(name);
  }
}
