// SPDX-License-Identifier: Apache-2.0
/** The HTTP commands by which a user changes a running sandbox. */
@NullMarked
package dev.caravan.sandbox.admin;

import org.jspecify.annotations.NullMarked;
