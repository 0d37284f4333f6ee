// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.bucket;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;

/**
 * The nodes of each vBucket of a bucket by their numbers: the active node, then the nodes of the
 * replicas.
 *
 * <p>Invariant: a node is at most once in a chain. Immutable; every change makes a new map.
 */
public final class VBucketMap {
  private final List<List<Integer>> chains;

  private VBucketMap(List<List<Integer>> chains) {
    this.chains = chains;
  }

  /**
   * Spreads vBuckets evenly.
   *
   * @param nodes one or more
   * @param replicas wanted; there are fewer when there are too few nodes
   * @param first the place in the nodes of the one that is active for vBucket 0
   */
  public static VBucketMap spread(int vbuckets, List<Integer> nodes, int replicas, int first) {
    int copies = Math.min(replicas + 1, nodes.size());
    List<List<Integer>> chains = new ArrayList<>(vbuckets);
    for (int vbucket = 0; vbucket < vbuckets; vbucket++) {
      List<Integer> chain = new ArrayList<>(copies);
      for (int copy = 0; copy < copies; copy++) {
        chain.add(nodes.get((first + vbucket + copy) % nodes.size()));
      }
      chains.add(List.copyOf(chain));
    }
    return new VBucketMap(List.copyOf(chains));
  }

  /** The nodes of a vBucket, the active one first; never empty. */
  public List<Integer> chain(int vbucket) {
    return chains.get(vbucket);
  }

  int active(int vbucket) {
    return chains.get(vbucket).get(0);
  }

  boolean hasReplica(int vbucket, int node) {
    return chains.get(vbucket).indexOf(node) > 0;
  }

  /**
   * The map without a node. Where the node was active, the first replica that may become active is.
   *
   * @throws IllegalStateException when a vBucket has no such replica
   */
  public VBucketMap without(int node, IntPredicate mayBecomeActive) {
    List<List<Integer>> left = new ArrayList<>(chains.size());
    for (int vbucket = 0; vbucket < chains.size(); vbucket++) {
      left.add(without(vbucket, node, mayBecomeActive));
    }
    return new VBucketMap(List.copyOf(left));
  }

  private List<Integer> without(int vbucket, int node, IntPredicate mayBecomeActive) {
    List<Integer> chain = new ArrayList<>(chain(vbucket));
    if (chain.get(0) == node) {
      Integer promoted =
          chain.stream()
              .skip(1)
              .filter(mayBecomeActive::test)
              .findFirst()
              .orElseThrow(
                  () ->
                      new IllegalStateException(
                          "vBucket "
                              + vbucket
                              + " has no replica on a running node but node "
                              + node
                              + "; start another node or rebalance first"));
      chain.remove(promoted);
      chain.add(0, promoted);
    }
    chain.remove(Integer.valueOf(node));
    return List.copyOf(chain);
  }
}
