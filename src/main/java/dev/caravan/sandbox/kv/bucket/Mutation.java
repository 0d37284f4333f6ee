// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.bucket;

/**
 * The result of a successful write.
 *
 * @param vbuuid of the branch of the vBucket's history that it is in
 * @param seqno its place in the vBucket's history
 * @param cas unique among the writes of the vBucket
 */
public record Mutation(int vbucket, long vbuuid, long seqno, long cas) {}
