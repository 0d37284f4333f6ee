// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.store;

import dev.caravan.sandbox.kv.protocol.Status;
import org.jspecify.annotations.Nullable;

/**
 * A write of a document.
 *
 * @param keyAndValue the prefixed key, then the value; handed over, not copied
 * @param expiry seconds since 1970, 0 for never
 * @param preserveExpiry keep the expiry of the version before, if there is one
 * @param cas the CAS that the version before must have, 0 for any
 * @param durable whether a prepare comes first, which takes a seqno of its own
 */
public record Write(
    Mode mode,
    byte[] keyAndValue,
    int keyLength,
    int datatype,
    int flags,
    int expiry,
    boolean preserveExpiry,
    long cas,
    boolean durable) {
  public enum Mode {
    SET,
    ADD,
    REPLACE
  }

  /** An unconditional one from inside the process. */
  public static Write set(byte[] keyAndValue, int keyLength, int datatype, int expiry) {
    return new Write(Mode.SET, keyAndValue, keyLength, datatype, 0, expiry, false, 0, false);
  }

  /** The same with other conditions. */
  public Write with(Mode otherMode, long otherCas) {
    return new Write(
        otherMode,
        keyAndValue,
        keyLength,
        datatype,
        flags,
        expiry,
        preserveExpiry,
        otherCas,
        durable);
  }

  /** The status that refuses it over the present version, or null when the write is allowed. */
  @Nullable Status refusal(@Nullable Item current) {
    if (mode == Mode.ADD) {
      return current == null ? null : Status.KEY_EEXISTS;
    }
    if (current == null) {
      return mode == Mode.REPLACE || cas != 0 ? Status.KEY_ENOENT : null;
    }
    return cas != 0 && cas != current.cas() ? Status.KEY_EEXISTS : null;
  }

  /** Its expiry in a collection with this longest life of documents; 0 is no limit. */
  int expiry(@Nullable Item current, int maxTtlSeconds, long nowSeconds) {
    int wanted = preserveExpiry && current != null ? current.expiry() : expiry;
    long limit = nowSeconds + maxTtlSeconds;
    boolean within = wanted != 0 && Integer.toUnsignedLong(wanted) <= limit;
    return maxTtlSeconds == 0 || within ? wanted : (int) limit;
  }
}
