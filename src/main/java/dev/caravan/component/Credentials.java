// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

/**
 * A user and a password, as a bean that an endpoint refers to, so that neither has to be written in
 * a URI. Both are asked for at every new connection, so they may change. An implementation's {@code
 * toString} must not show the password; {@link #of} makes one that doesn't.
 */
public interface Credentials {
  String username();

  String password();

  static Credentials of(String username, String password) {
    return new Credentials() {
      @Override
      public String username() {
        return username;
      }

      @Override
      public String password() {
        return password;
      }

      @Override
      public String toString() {
        return "Credentials[username=" + username + ", password=***]";
      }
    };
  }
}
