// SPDX-License-Identifier: Apache-2.0
/** Connections to the KV port of a node, and the commands that they answer. */
@NullMarked
package dev.caravan.sandbox.kv.commands;

import org.jspecify.annotations.NullMarked;
