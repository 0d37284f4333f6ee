// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.bucket;

import dev.caravan.sandbox.kv.protocol.Datatype;
import dev.caravan.sandbox.kv.store.Write;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;

/**
 * Fills a bucket with documents for trials and benchmarks.
 *
 * <p>A document is a JSON object of the wanted size with its number and random letters: six random
 * bits in eight, so a compressor gains little, and the same for every run.
 */
public final class Loader {
  private static final byte[] ALPHABET =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
          .getBytes(StandardCharsets.US_ASCII);
  private static final int LETTERS_PER_RANDOM = 10;

  private final Bucket bucket;
  private final int size;

  Loader(Bucket bucket, int size) {
    this.bucket = bucket;
    this.size = size;
  }

  void load(long count) {
    SplittableRandom random = new SplittableRandom(count);
    for (long number = 0; number < count; number++) {
      byte[] id = ("doc-" + number).getBytes(StandardCharsets.US_ASCII);
      byte[] head = ("{\"number\":" + number + ",\"data\":\"").getBytes(StandardCharsets.US_ASCII);
      int keyLength = 1 + id.length;
      int valueLength = Math.max(size, head.length + 2);
      byte[] document = new byte[keyLength + valueLength];
      System.arraycopy(id, 0, document, 1, id.length);
      System.arraycopy(head, 0, document, keyLength, head.length);
      fill(document, keyLength + head.length, document.length - 2, random);
      document[document.length - 2] = '"';
      document[document.length - 1] = '}';
      bucket.vbucketOfKey(id).write(Write.set(document, keyLength, Datatype.JSON, 0));
    }
  }

  private static void fill(byte[] target, int from, int to, SplittableRandom random) {
    long bits = 0;
    for (int i = from; i < to; i++) {
      if ((i - from) % LETTERS_PER_RANDOM == 0) {
        bits = random.nextLong();
      }
      target[i] = ALPHABET[(int) bits & 63];
      bits >>>= 6;
    }
  }
}
