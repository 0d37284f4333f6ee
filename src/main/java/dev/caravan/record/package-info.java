// SPDX-License-Identifier: Apache-2.0
/**
 * Kafka records: {@link dev.caravan.record.RecordConverter} converts changes to records as a step
 * of a route, and {@link dev.caravan.record.RecordFormat} writes their values. Of the component,
 * this package uses only the messages.
 */
@NullMarked
package dev.caravan.record;

import org.jspecify.annotations.NullMarked;
