// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.store;

/**
 * Records the writes and losses of vBuckets in order. Its methods are called with the vBucket's
 * lock held.
 */
public interface Chronicle {
  /** Records nothing. */
  Chronicle NONE =
      new Chronicle() {
        @Override
        public void wrote(int vbucket, long vbuuid, Item item) {}

        @Override
        public void lost(int vbucket, long afterSeqno, Item[] kept) {}
      };

  /** A version of a document was written, or a tombstone. */
  void wrote(int vbucket, long vbuuid, Item item);

  /**
   * All writes so far with a larger seqno are lost, except some versions and what they superseded.
   *
   * @param kept versions of documents with larger seqnos
   */
  void lost(int vbucket, long afterSeqno, Item[] kept);
}
