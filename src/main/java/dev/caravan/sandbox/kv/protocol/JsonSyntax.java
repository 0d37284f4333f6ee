// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.protocol;

import java.util.BitSet;

/**
 * Whether bytes are one JSON text (RFC 8259). Characters above 0x7f are checked by the number of
 * their bytes only: a real node also flags a value that isn't UTF-8, such as half a surrogate pair,
 * as JSON.
 *
 * <p>Reads each byte once and doesn't recurse. Not thread-safe; made for one text.
 */
final class JsonSyntax {
  private static final int END = -1;

  private final byte[] text;
  private final int end;
  private int at;

  private JsonSyntax(byte[] text, int offset, int length) {
    this.text = text;
    at = offset;
    end = offset + length;
  }

  static boolean isJson(byte[] text, int offset, int length) {
    return new JsonSyntax(text, offset, length).isJson();
  }

  private boolean isJson() {
    BitSet isObject = new BitSet();
    int depth = 0;
    while (true) {
      skipSpace();
      int first = next();
      if (first == '{' || first == '[') {
        isObject.set(depth, first == '{');
        depth++;
        skipSpace();
        boolean empty = peek() == closing(first == '{');
        if (!empty) {
          if (first == '{' && !name()) {
            return false;
          }
          continue;
        }
      } else if (!scalar(first)) {
        return false;
      }
      skipSpace();
      while (depth > 0 && peek() == closing(isObject.get(depth - 1))) {
        at++;
        depth--;
        skipSpace();
      }
      if (depth == 0) {
        return at == end;
      }
      if (next() != ',' || (isObject.get(depth - 1) && !name())) {
        return false;
      }
    }
  }

  private static int closing(boolean object) {
    return object ? '}' : ']';
  }

  private int peek() {
    return at < end ? text[at] & 0xff : END;
  }

  private int next() {
    return at < end ? text[at++] & 0xff : END;
  }

  private void skipSpace() {
    while (at < end
        && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r')) {
      at++;
    }
  }

  /** The name of a member, and the colon after it. */
  private boolean name() {
    skipSpace();
    if (next() != '"' || !string()) {
      return false;
    }
    skipSpace();
    return next() == ':';
  }

  private boolean scalar(int first) {
    return switch (first) {
      case '"' -> string();
      case 't' -> literal("rue");
      case 'f' -> literal("alse");
      case 'n' -> literal("ull");
      case '-' -> number(next());
      default -> number(first);
    };
  }

  private boolean literal(String rest) {
    for (int i = 0; i < rest.length(); i++) {
      if (next() != rest.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  /** The rest of a string after the opening quote. */
  private boolean string() {
    while (true) {
      int c = next();
      if (c == '"') {
        return true;
      }
      if (c < ' ' || (c == '\\' && !escape()) || (c > 0x7f && !continuation(c))) {
        return false;
      }
    }
  }

  /** The bytes that belong to the first one of a character; their number is in its high bits. */
  private boolean continuation(int first) {
    int ones = Integer.numberOfLeadingZeros(~(first << 24));
    if (ones < 2 || ones > 4) {
      return false;
    }
    for (int i = 1; i < ones; i++) {
      // At the end this is -1, whose bits are no continuation.
      if ((next() & 0xc0) != 0x80) {
        return false;
      }
    }
    return true;
  }

  private boolean escape() {
    int c = next();
    if (c == 'u') {
      for (int i = 0; i < 4; i++) {
        if (Character.digit(next(), 16) < 0) {
          return false;
        }
      }
      return true;
    }
    return c > 0 && "\"\\/bfnrt".indexOf(c) >= 0;
  }

  private boolean number(int first) {
    if (!isDigit(first)) {
      return false;
    }
    if (first != '0') {
      skipDigits();
    }
    if (peek() == '.') {
      at++;
      if (!isDigit(next())) {
        return false;
      }
      skipDigits();
    }
    if (peek() == 'e' || peek() == 'E') {
      at++;
      if (peek() == '+' || peek() == '-') {
        at++;
      }
      if (!isDigit(next())) {
        return false;
      }
      skipDigits();
    }
    return true;
  }

  private void skipDigits() {
    while (isDigit(peek())) {
      at++;
    }
  }

  private static boolean isDigit(int c) {
    return c >= '0' && c <= '9';
  }
}
