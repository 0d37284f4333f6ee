// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

/** A DCP connection, whose name no other connection to the bucket has. */
interface NamedConnection {
  /** Closes the connection because another one takes its name; any thread may call this. */
  void close();
}
