// SPDX-License-Identifier: Apache-2.0
/** A Kafka broker in this process. */
@NullMarked
package dev.caravan.sandbox.kafka;

import org.jspecify.annotations.NullMarked;
