// SPDX-License-Identifier: Apache-2.0
/** Changes and rollbacks on their way to a route, which acknowledges them. */
@NullMarked
package dev.caravan.stream.change;

import org.jspecify.annotations.NullMarked;
