// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import dev.caravan.sandbox.kv.auth.Account;
import dev.caravan.sandbox.kv.auth.Accounts;
import dev.caravan.sandbox.kv.auth.ScramExchange;
import dev.caravan.sandbox.kv.auth.ScramMechanism;
import dev.caravan.sandbox.kv.protocol.Datatype;
import dev.caravan.sandbox.kv.protocol.Request;
import dev.caravan.sandbox.kv.protocol.Status;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Authentication. One instance belongs to one connection and is confined to its event loop. */
final class SaslCommands {
  private static final String PLAIN = "PLAIN";
  private static final byte[] MECHANISMS = mechanisms();

  private final KvNode node;
  private final Accounts accounts;
  private @Nullable ScramExchange pending;

  SaslCommands(KvNode node) {
    this.node = node;
    accounts = node.accounts();
  }

  private static byte[] mechanisms() {
    StringBuilder names = new StringBuilder();
    for (ScramMechanism mechanism : ScramMechanism.values()) {
      names.append(mechanism.saslName()).append(' ');
    }
    return names.append(PLAIN).toString().getBytes(StandardCharsets.US_ASCII);
  }

  void listMechanisms(Session session, Request request) {
    if (allowed(session, request)) {
      session.answer(request, MECHANISMS);
    }
  }

  void start(Session session, Request request) {
    if (!allowed(session, request)) {
      return;
    }
    String name = request.keyText();
    ScramMechanism mechanism = ScramMechanism.ofName(name);
    if (pending != null) {
      pending = null;
      session.refuse(
          request,
          Status.EINVAL,
          "Logic error: The server expects SASL STEP after returning CONTINUE from SASL START");
    } else if (name.equals(PLAIN)) {
      plain(session, request);
    } else if (mechanism == null) {
      session.refuse(
          request, Status.AUTH_ERROR, "Requested mechanism \"" + name + "\" is not supported");
    } else {
      challenge(session, request, mechanism);
    }
  }

  private void plain(Session session, Request request) {
    // authorization id, NUL, user, NUL, password (RFC 4616)
    String[] parts = request.valueText().split("\0", -1);
    if (parts.length != 3) {
      session.answer(request, Status.EINVAL);
      return;
    }
    Account account = accounts.find(parts[1]);
    if (account != null && account.hasPassword(parts[2]) && !refusesLogins()) {
      session.account(account);
      session.answer(request, Status.SUCCESS);
    } else {
      reject(session, request);
    }
  }

  private void challenge(Session session, Request request, ScramMechanism mechanism) {
    try {
      ScramExchange exchange = ScramExchange.start(mechanism, accounts, request.value());
      pending = exchange;
      session.send(
          request, Status.AUTH_CONTINUE, new byte[0], exchange.challenge(), Datatype.RAW, 0);
    } catch (IllegalArgumentException malformed) {
      session.answer(request, Status.EINVAL);
    }
  }

  void step(Session session, Request request) {
    if (!allowed(session, request)) {
      return;
    }
    if (pending == null) {
      session.refuse(
          request,
          Status.EINVAL,
          "Logic error: The server expects the client to start with SASL START before sending SASL"
              + " STEP");
      return;
    }
    ScramExchange exchange = pending;
    pending = null;
    try {
      byte[] signature = exchange.finish(request.value());
      Account account = exchange.account();
      if (signature == null || account == null || refusesLogins()) {
        reject(session, request);
      } else {
        session.account(account);
        session.answer(request, signature);
      }
    } catch (IllegalArgumentException malformed) {
      session.answer(request, Status.EINVAL);
    }
  }

  private boolean refusesLogins() {
    return node.refusesLogins();
  }

  /** The same answer for a wrong password and an unknown user, with an id to find it in a log. */
  private static void reject(Session session, Request request) {
    session.error(
        request, Status.AUTH_ERROR, "{\"error\":{\"ref\":\"" + UUID.randomUUID() + "\"}}");
  }

  private static boolean allowed(Session session, Request request) {
    if (session.producer() == null) {
      return true;
    }
    session.answer(request, Status.NOT_SUPPORTED);
    return false;
  }
}
