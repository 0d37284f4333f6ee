// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.change;

/**
 * The scope and collection of a document. Immutable.
 *
 * @param selected whether the stream was asked for this collection
 */
public record Keyspace(String scope, String collection, boolean selected) {}
