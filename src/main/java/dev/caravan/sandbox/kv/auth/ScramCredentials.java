// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.auth;

import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Arrays;

/**
 * The data that a SCRAM server keeps of a password (RFC 5802 section 3). It is enough to check a
 * proof, but not to make one.
 */
record ScramCredentials(byte[] salt, int iterations, byte[] storedKey, byte[] serverKey) {
  private static final int ITERATIONS = 4000;

  /** The iterations for users that don't exist, which the recordings show. */
  private static final int ITERATIONS_OF_UNKNOWN = 4096;

  private static final SecureRandom RANDOM = new SecureRandom();
  private static final byte[] SERVER_SECRET = randomBytes(32);

  static ScramCredentials derive(ScramMechanism mechanism, String password) {
    byte[] salt = randomBytes(mechanism.length());
    byte[] salted = pbkdf2(mechanism, password.getBytes(StandardCharsets.UTF_8), salt);
    byte[] clientKey = mechanism.hmac(salted, "Client Key".getBytes(StandardCharsets.US_ASCII));
    byte[] serverKey = mechanism.hmac(salted, "Server Key".getBytes(StandardCharsets.US_ASCII));
    return new ScramCredentials(salt, ITERATIONS, mechanism.hash(clientKey), serverKey);
  }

  /**
   * Credentials of a user that doesn't exist: no proof passes, and the salt is the same at every
   * try, so that the challenge doesn't give the name away.
   */
  static ScramCredentials unknown(ScramMechanism mechanism, String user) {
    byte[] salt = mechanism.hmac(SERVER_SECRET, user.getBytes(StandardCharsets.UTF_8));
    byte[] nothing = randomBytes(mechanism.length());
    return new ScramCredentials(salt, ITERATIONS_OF_UNKNOWN, nothing, nothing);
  }

  private static byte[] pbkdf2(ScramMechanism mechanism, byte[] password, byte[] salt) {
    byte[] block = Arrays.copyOf(salt, salt.length + Integer.BYTES);
    block[block.length - 1] = 1;
    byte[] u = mechanism.hmac(password, block);
    byte[] result = u.clone();
    for (int i = 1; i < ITERATIONS; i++) {
      u = mechanism.hmac(password, u);
      for (int b = 0; b < result.length; b++) {
        result[b] ^= u[b];
      }
    }
    return result;
  }

  private static byte[] randomBytes(int length) {
    byte[] bytes = new byte[length];
    RANDOM.nextBytes(bytes);
    return bytes;
  }
}
