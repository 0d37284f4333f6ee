// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import dev.caravan.sandbox.kv.protocol.Request;

/** A set of commands, which knows some opcodes. */
interface Commands {
  /** Answers the request, or returns false when its opcode isn't one of these. */
  boolean handle(Session session, Request request);
}
