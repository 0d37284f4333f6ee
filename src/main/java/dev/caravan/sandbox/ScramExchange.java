// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HexFormat;

/**
 * The server's side of one SCRAM exchange (RFC 5802), without channel binding.
 *
 * <pre>
 *   client  n,,n=user,r=nonce
 *   server  r=nonce+own,s=salt,i=iterations
 *   client  c=biws,r=nonce+own,p=proof
 *   server  v=signature
 * </pre>
 */
final class ScramExchange {
  private static final SecureRandom RANDOM = new SecureRandom();

  private final ScramMechanism mechanism;
  private final Accounts accounts;
  private Account account;
  private ScramCredentials credentials;
  private String nonce;
  private String firstMessages;

  ScramExchange(ScramMechanism mechanism, Accounts accounts) {
    this.mechanism = mechanism;
    this.accounts = accounts;
  }

  /**
   * Answers the client's first message with the challenge.
   *
   * @throws IllegalArgumentException when it is malformed
   */
  byte[] challenge(byte[] clientFirst) {
    String message = new String(clientFirst, StandardCharsets.UTF_8);
    if (!message.startsWith("n,,")) {
      throw new IllegalArgumentException("a SCRAM message without channel binding starts with n,,");
    }
    String bare = message.substring(3);
    String user = attribute(bare, 'n').replace("=2C", ",").replace("=3D", "=");
    byte[] own = new byte[8];
    RANDOM.nextBytes(own);
    nonce = attribute(bare, 'r') + HexFormat.of().formatHex(own);
    account = accounts.find(user);
    credentials =
        account == null
            ? ScramCredentials.unknown(mechanism, user)
            : account.credentials(mechanism);
    String challenge =
        "r=%s,s=%s,i=%d"
            .formatted(
                nonce,
                Base64.getEncoder().encodeToString(credentials.salt()),
                credentials.iterations());
    firstMessages = bare + "," + challenge;
    return challenge.getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Checks the client's proof.
   *
   * @return the server's signature, or null when the proof is wrong
   * @throws IllegalArgumentException when the message is malformed
   */
  byte[] finish(byte[] clientFinal) {
    String message = new String(clientFinal, StandardCharsets.UTF_8);
    byte[] proof = Base64.getDecoder().decode(attribute(message, 'p'));
    if (!attribute(message, 'r').equals(nonce) || proof.length != mechanism.length()) {
      return null;
    }
    String withoutProof = message.substring(0, message.lastIndexOf(",p="));
    byte[] authMessage = (firstMessages + "," + withoutProof).getBytes(StandardCharsets.UTF_8);
    byte[] clientKey = mechanism.hmac(credentials.storedKey(), authMessage);
    for (int i = 0; i < clientKey.length; i++) {
      clientKey[i] ^= proof[i];
    }
    if (!MessageDigest.isEqual(mechanism.hash(clientKey), credentials.storedKey())) {
      return null;
    }
    byte[] signature = mechanism.hmac(credentials.serverKey(), authMessage);
    return ("v=" + Base64.getEncoder().encodeToString(signature))
        .getBytes(StandardCharsets.US_ASCII);
  }

  /** Who was authenticated by {@link #finish}. */
  Account account() {
    return account;
  }

  private static String attribute(String message, char name) {
    for (String part : message.split(",")) {
      if (part.length() > 1 && part.charAt(0) == name && part.charAt(1) == '=') {
        return part.substring(2);
      }
    }
    throw new IllegalArgumentException("the SCRAM message has no attribute " + name);
  }
}
