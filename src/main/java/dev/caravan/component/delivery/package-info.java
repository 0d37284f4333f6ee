// SPDX-License-Identifier: Apache-2.0
/** Delivers the changes of a consumer into its route, commits them, and retries after failures. */
@NullMarked
package dev.caravan.component.delivery;

import org.jspecify.annotations.NullMarked;
