// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.bench;

import dev.caravan.connector.DeliveryGuarantee;
import java.util.Locale;
import java.util.Optional;

/** A way to copy documents from Couchbase to Kafka that the benchmark measures. */
enum BenchmarkVariant {
  /** A loop written by hand, see {@link DcpLoop}. */
  LOOP,
  /** A worker with {@link DeliveryGuarantee#AT_LEAST_ONCE}. */
  AT_LEAST_ONCE,
  /** A worker with {@link DeliveryGuarantee#EXACTLY_ONCE}. */
  EXACTLY_ONCE;

  /** The guarantee of the worker's connector; empty if there is no worker. */
  Optional<DeliveryGuarantee> guarantee() {
    return switch (this) {
      case LOOP -> Optional.empty();
      case AT_LEAST_ONCE -> Optional.of(DeliveryGuarantee.AT_LEAST_ONCE);
      case EXACTLY_ONCE -> Optional.of(DeliveryGuarantee.EXACTLY_ONCE);
    };
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
