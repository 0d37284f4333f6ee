// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.RawClient;
import dev.caravan.sandbox.RawClient.Frame;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The whole exchange of java-dcp-client-trace.txt (1.874 to 2.017), with Java's own PBKDF2. */
class ScramTest {
  private static CouchbaseNode node;

  @BeforeAll
  static void start() throws Exception {
    node = CouchbaseNode.builder().vbuckets(1).user("comma,equals=", "sécret").start();
  }

  @AfterAll
  static void stop() {
    node.close();
  }

  @ParameterizedTest
  @CsvSource({
    "SCRAM-SHA512, SHA-512, HmacSHA512, 512",
    "SCRAM-SHA256, SHA-256, HmacSHA256, 256",
    "SCRAM-SHA1, SHA-1, HmacSHA1, 160",
  })
  void bothSidesProveThatTheyKnowThePassword(String mechanism, String digest, String mac, int bits)
      throws Exception {
    try (RawClient client = new RawClient(node)) {
      String first = "n=comma=2Cequals=3D,r=nonce";
      String challenge = client.call(0x21, mechanism, "n,," + first).text();
      String[] parts = challenge.split(",");
      byte[] salt = Base64.getDecoder().decode(parts[1].substring(2));
      int iterations = Integer.parseInt(parts[2].substring(2));
      byte[] salted =
          SecretKeyFactory.getInstance("PBKDF2With" + mac)
              .generateSecret(new PBEKeySpec("sécret".toCharArray(), salt, iterations, bits))
              .getEncoded();
      String last = "c=biws," + parts[0];
      String authentication = first + "," + challenge + "," + last;
      byte[] key = hmac(mac, salted, "Client Key");
      byte[] stored = MessageDigest.getInstance(digest).digest(key);
      byte[] proof = hmac(mac, stored, authentication);
      for (int i = 0; i < proof.length; i++) {
        proof[i] ^= key[i];
      }
      Frame done =
          client.call(0x22, mechanism, last + ",p=" + Base64.getEncoder().encodeToString(proof));
      assertThat(done.status()).isZero();
      byte[] signature = hmac(mac, hmac(mac, salted, "Server Key"), authentication);
      assertThat(done.text()).isEqualTo("v=" + Base64.getEncoder().encodeToString(signature));
      assertThat(client.call(0x0a, "", "").status()).as("logged in").isZero();
    }
  }

  private static byte[] hmac(String algorithm, byte[] key, String text) throws Exception {
    Mac mac = Mac.getInstance(algorithm);
    mac.init(new SecretKeySpec(key, algorithm));
    return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
  }
}
