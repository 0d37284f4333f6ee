// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.store;

/**
 * Who is told of all that the history of a vBucket gets and loses, in order; called with the
 * vBucket's lock held.
 */
public interface Chronicle {
  /** Nobody. */
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
   * All that was written so far with a larger seqno is gone, except some versions and what they
   * superseded.
   *
   * @param kept versions of documents with larger seqnos
   */
  void lost(int vbucket, long afterSeqno, Item[] kept);
}
