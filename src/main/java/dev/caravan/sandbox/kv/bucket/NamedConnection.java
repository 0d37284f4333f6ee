// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.bucket;

/** A DCP connection, whose name no other connection to the bucket has. */
public interface NamedConnection {
  /** Closes the connection because another one takes its name; any thread may call this. */
  void close();
}
