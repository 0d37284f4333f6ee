// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.auth;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

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
public final class ScramExchange {
  private static final SecureRandom RANDOM = new SecureRandom();

  private final ScramMechanism mechanism;
  private final @Nullable Account account;
  private final ScramCredentials credentials;
  private final String nonce;
  private final String clientFirst;

  private ScramExchange(
      ScramMechanism mechanism,
      @Nullable Account account,
      ScramCredentials credentials,
      String nonce,
      String clientFirst) {
    this.mechanism = mechanism;
    this.account = account;
    this.credentials = credentials;
    this.nonce = nonce;
    this.clientFirst = clientFirst;
  }

  /**
   * An exchange that starts with the client's first message.
   *
   * @throws IllegalArgumentException when it is malformed
   */
  public static ScramExchange start(
      ScramMechanism mechanism, Accounts accounts, byte[] clientFirst) {
    String message = new String(clientFirst, StandardCharsets.UTF_8);
    if (!message.startsWith("n,,")) {
      throw new IllegalArgumentException("a SCRAM message without channel binding starts with n,,");
    }
    String bare = message.substring(3);
    String user = attribute(bare, 'n').replace("=2C", ",").replace("=3D", "=");
    byte[] own = new byte[8];
    RANDOM.nextBytes(own);
    String nonce = attribute(bare, 'r') + HexFormat.of().formatHex(own);
    Account account = accounts.find(user);
    ScramCredentials credentials =
        account == null
            ? ScramCredentials.unknown(mechanism, user)
            : account.credentials(mechanism);
    return new ScramExchange(mechanism, account, credentials, nonce, bare);
  }

  /** The server's first message. */
  public byte[] challenge() {
    return serverFirst().getBytes(StandardCharsets.UTF_8);
  }

  private String serverFirst() {
    return "r=%s,s=%s,i=%d"
        .formatted(
            nonce,
            Base64.getEncoder().encodeToString(credentials.salt()),
            credentials.iterations());
  }

  /**
   * Checks the client's proof.
   *
   * @return the server's signature, or null when the proof is wrong
   * @throws IllegalArgumentException when the message is malformed
   */
  public byte @Nullable [] finish(byte[] clientFinal) {
    String message = new String(clientFinal, StandardCharsets.UTF_8);
    byte[] proof = Base64.getDecoder().decode(attribute(message, 'p'));
    if (!attribute(message, 'r').equals(nonce) || proof.length != mechanism.length()) {
      return null;
    }
    String withoutProof = message.substring(0, message.lastIndexOf(",p="));
    byte[] authMessage =
        (clientFirst + "," + serverFirst() + "," + withoutProof).getBytes(StandardCharsets.UTF_8);
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

  /** The user that {@link #finish} authenticates; null for an unknown user. */
  public @Nullable Account account() {
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
