// SPDX-License-Identifier: Apache-2.0
/**
 * What a change looks like in Kafka: {@link dev.caravan.record.RecordConverter} is the step of a
 * route, {@link dev.caravan.record.RecordFormat} how a value is written. Of the component it knows
 * the message only.
 */
@NullMarked
package dev.caravan.record;

import org.jspecify.annotations.NullMarked;
