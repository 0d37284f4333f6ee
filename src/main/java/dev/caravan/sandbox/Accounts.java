// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * All users: the administrator, those that were added, and for each bucket one of its name with an
 * empty password, as it was before there were users. Thread-safe.
 */
final class Accounts {
  static final String ADMINISTRATOR = "Administrator";
  static final String ADMINISTRATOR_PASSWORD = "password";

  private final Map<String, Account> accounts = new ConcurrentHashMap<>();
  private final Map<String, Account> bucketAccounts = new ConcurrentHashMap<>();

  Accounts() {
    add(ADMINISTRATOR, ADMINISTRATOR_PASSWORD);
    grant(ADMINISTRATOR, Account.ANY_BUCKET, EnumSet.allOf(Privilege.class));
  }

  void add(String name, String password) {
    accounts.put(name, new Account(name, password));
  }

  void grant(String user, String bucket, Set<Privilege> privileges) {
    Account account = accounts.get(user);
    if (account == null) {
      throw new IllegalArgumentException(
          "user \"" + user + "\" is unknown; add it before granting it rights");
    }
    account.grant(bucket, privileges);
  }

  void addBucket(String bucket) {
    bucketAccounts.put(
        bucket, new Account(bucket, "").grant(bucket, EnumSet.allOf(Privilege.class)));
  }

  void removeBucket(String bucket) {
    bucketAccounts.remove(bucket);
  }

  /** Returns the user of this name, or null. */
  Account find(String name) {
    Account account = accounts.get(name);
    return account != null ? account : bucketAccounts.get(name);
  }
}
