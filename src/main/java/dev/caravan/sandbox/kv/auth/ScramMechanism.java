// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.auth;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/** The SCRAM family of RFC 5802, strongest first: the same exchange with another digest. */
public enum ScramMechanism {
  SHA512("SCRAM-SHA512", "SHA-512", "HmacSHA512", 64),
  SHA256("SCRAM-SHA256", "SHA-256", "HmacSHA256", 32),
  SHA1("SCRAM-SHA1", "SHA-1", "HmacSHA1", 20);

  private final String saslName;
  private final String digest;
  private final String mac;
  private final int length;

  ScramMechanism(String saslName, String digest, String mac, int length) {
    this.saslName = saslName;
    this.digest = digest;
    this.mac = mac;
    this.length = length;
  }

  /** Returns the mechanism of this SASL name, or null. */
  public static @Nullable ScramMechanism ofName(String name) {
    for (ScramMechanism mechanism : values()) {
      if (mechanism.saslName.equals(name)) {
        return mechanism;
      }
    }
    return null;
  }

  public String saslName() {
    return saslName;
  }

  /** Length of its digests in bytes. */
  int length() {
    return length;
  }

  byte[] hash(byte[] data) {
    try {
      return MessageDigest.getInstance(digest).digest(data);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(digest + " is missing in this Java", e);
    }
  }

  byte[] hmac(byte[] key, byte[] data) {
    try {
      Mac hmac = Mac.getInstance(mac);
      // An empty password gives an empty key, which SecretKeySpec refuses; HMAC pads with zeros
      // anyway.
      hmac.init(new SecretKeySpec(key.length == 0 ? new byte[1] : key, mac));
      return hmac.doFinal(data);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(mac + " is missing in this Java", e);
    }
  }
}
