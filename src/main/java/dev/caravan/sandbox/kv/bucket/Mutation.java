// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.bucket;

/**
 * What the server says of a write that it has made.
 *
 * @param vbuuid of the branch of the vBucket's history that it is in
 * @param seqno its place in the vBucket's history
 * @param cas unlike that of any other write
 */
public record Mutation(int vbucket, long vbuuid, long seqno, long cas) {}
