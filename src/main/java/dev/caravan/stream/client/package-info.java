// SPDX-License-Identifier: Apache-2.0
/**
 * All code that depends on internals of the official DCP client: its pipeline, its stream states
 * and its messages.
 */
@NullMarked
package dev.caravan.stream.client;

import org.jspecify.annotations.NullMarked;
