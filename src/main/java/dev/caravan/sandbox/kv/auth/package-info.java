// SPDX-License-Identifier: Apache-2.0
/** Users of the sandbox, their privileges, and the server side of SCRAM. */
@NullMarked
package dev.caravan.sandbox.kv.auth;

import org.jspecify.annotations.NullMarked;
