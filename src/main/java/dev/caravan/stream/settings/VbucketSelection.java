// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.settings;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which of a bucket's vBuckets are read. Immutable. Three forms:
 *
 * <ul>
 *   <li>{@code all}
 *   <li>numbers and ranges: {@code 0-511,700}
 *   <li>a share {@code i/n}: the i-th (from 0) of n contiguous ranges whose sizes differ by at most
 *       one. What it means depends on how many vBuckets the bucket has, so it is only known once
 *       connected.
 * </ul>
 */
public final class VbucketSelection {
  /** The DCP client keeps the state of at most this many vBuckets. */
  public static final int MAX_VBUCKETS = 1024;

  private static final Pattern SHARE = Pattern.compile("(\\d{1,6})/(\\d{1,6})");
  private static final Pattern RANGE = Pattern.compile("(\\d{1,6})(?:-(\\d{1,6}))?");

  private static final SortedSet<Integer> NONE = Collections.emptySortedSet();

  private final String text;
  private final int share;
  private final int shares;

  /** Empty if the selection is a share. */
  private final SortedSet<Integer> numbers;

  private VbucketSelection(String text, int share, int shares, SortedSet<Integer> numbers) {
    this.text = text;
    this.share = share;
    this.shares = shares;
    this.numbers = numbers;
  }

  /**
   * Reads one of the three forms.
   *
   * @throws IllegalArgumentException if the text has none of the three forms; the message says what
   *     is wrong
   */
  public static VbucketSelection parse(String text) {
    String trimmed = text.trim();
    if (trimmed.equals("all")) {
      return new VbucketSelection(trimmed, 0, 1, NONE);
    }
    Matcher matcher = SHARE.matcher(trimmed);
    if (matcher.matches()) {
      return share(text, Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)));
    }
    TreeSet<Integer> numbers = new TreeSet<>();
    for (String part : trimmed.split(",", -1)) {
      addRange(text, part.trim(), numbers);
    }
    return new VbucketSelection(trimmed, 0, 0, numbers);
  }

  private static VbucketSelection share(String text, int share, int shares) {
    if (shares < 1 || shares > MAX_VBUCKETS) {
      throw invalid(text, "there can be 1 to " + MAX_VBUCKETS + " shares");
    }
    if (share >= shares) {
      throw invalid(
          text, "shares are counted from 0, so the last of " + shares + " is " + (shares - 1));
    }
    return new VbucketSelection(text.trim(), share, shares, NONE);
  }

  private static void addRange(String text, String part, SortedSet<Integer> numbers) {
    Matcher matcher = RANGE.matcher(part);
    if (!matcher.matches()) {
      throw invalid(text, "'" + part + "' is neither a vBucket nor a range of vBuckets");
    }
    int from = Integer.parseInt(matcher.group(1));
    int to = matcher.group(2) == null ? from : Integer.parseInt(matcher.group(2));
    if (from > to) {
      throw invalid(text, "the range '" + part + "' ends before it starts");
    }
    if (to >= MAX_VBUCKETS) {
      throw invalid(text, "the highest vBucket is " + (MAX_VBUCKETS - 1));
    }
    for (int vbucket = from; vbucket <= to; vbucket++) {
      numbers.add(vbucket);
    }
  }

  private static IllegalArgumentException invalid(String text, String reason) {
    return new IllegalArgumentException(
        "vbuckets '"
            + text
            + "': "
            + reason
            + ". Use 'all', ranges such as '0-511,700', or a share such as '0/4'.");
  }

  /**
   * The selected vBuckets of a bucket that has this many, in ascending order; empty for a share of
   * a bucket with fewer vBuckets than shares.
   *
   * @throws IllegalArgumentException if a selected vBucket doesn't exist in such a bucket
   */
  public List<Integer> of(int vbucketCount) {
    if (!numbers.isEmpty()) {
      if (numbers.last() >= vbucketCount) {
        throw new IllegalArgumentException(
            "vbuckets '"
                + text
                + "' names vBucket "
                + numbers.last()
                + ", but the bucket has only 0 to "
                + (vbucketCount - 1)
                + ".");
      }
      return List.copyOf(numbers);
    }
    int from = (int) ((long) share * vbucketCount / shares);
    int to = (int) ((share + 1L) * vbucketCount / shares);
    List<Integer> result = new ArrayList<>(to - from);
    for (int vbucket = from; vbucket < to; vbucket++) {
      result.add(vbucket);
    }
    return result;
  }

  /**
   * Whether two selections have a vBucket in common, for any number of vBuckets that a bucket may
   * have: a share and a list of numbers may, where the bucket is small enough.
   */
  public boolean overlaps(VbucketSelection other) {
    for (int count = 1; count <= MAX_VBUCKETS; count *= 2) {
      if (isPossibleOf(count)
          && other.isPossibleOf(count)
          && !Collections.disjoint(of(count), Set.copyOf(other.of(count)))) {
        return true;
      }
    }
    return false;
  }

  private boolean isPossibleOf(int vbucketCount) {
    return numbers.isEmpty() || numbers.last() < vbucketCount;
  }

  @Override
  public String toString() {
    return text;
  }
}
