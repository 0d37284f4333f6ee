// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.LongNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.caravan.sandbox.kv.protocol.Opcode;
import dev.caravan.sandbox.kv.protocol.RefusedException;
import dev.caravan.sandbox.kv.protocol.Status;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * One operation of a subdocument command on a JSON tree.
 *
 * @param flags bits of {@link #MAKE_PATH}, {@link #XATTR} and {@link #EXPAND_MACROS}
 * @param value what to write, empty for a lookup
 */
record SubdocOperation(int opcode, int flags, String path, byte[] value) {
  static final int MAKE_PATH = 0x01;
  static final int XATTR = 0x04;
  static final int EXPAND_MACROS = 0x10;

  static final ObjectMapper JSON =
      new ObjectMapper()
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private static final byte[] NOTHING = {};

  boolean isXattr() {
    return (flags & XATTR) != 0;
  }

  boolean isLookup() {
    return opcode == Opcode.GET
        || opcode == Opcode.SUBDOC_GET
        || opcode == Opcode.SUBDOC_EXISTS
        || opcode == Opcode.SUBDOC_GET_COUNT;
  }

  /** Whether it is about the body as a whole, which need not be JSON. */
  boolean isOfWholeBody() {
    return opcode == Opcode.GET || opcode == Opcode.SET;
  }

  /** The attribute that it is about. */
  String attribute() {
    return path.split("[.\\[]", 2)[0];
  }

  byte[] lookUp(JsonNode root) throws RefusedException {
    JsonNode found = SubdocPath.parse(path).find(root);
    return switch (opcode) {
      case Opcode.SUBDOC_GET -> text(found);
      case Opcode.SUBDOC_EXISTS -> NOTHING;
      default -> {
        if (!found.isContainerNode()) {
          throw new RefusedException(Status.SUBDOC_PATH_MISMATCH);
        }
        yield text(LongNode.valueOf(found.size()));
      }
    };
  }

  /** Changes the tree; returns the value for the client, which is empty for most operations. */
  byte[] mutate(JsonNode root) throws RefusedException {
    SubdocPath at = SubdocPath.parse(path);
    switch (opcode) {
      case Opcode.SUBDOC_DICT_ADD, Opcode.SUBDOC_DICT_UPSERT -> putField(root, at);
      case Opcode.SUBDOC_REPLACE -> replace(root, at);
      case Opcode.SUBDOC_DELETE -> delete(root, at);
      case Opcode.SUBDOC_ARRAY_PUSH_LAST -> {
        ArrayNode array = array(root, at);
        insert(array, array.size());
      }
      case Opcode.SUBDOC_ARRAY_PUSH_FIRST -> insert(array(root, at), 0);
      case Opcode.SUBDOC_ARRAY_INSERT -> insertAt(root, at);
      case Opcode.SUBDOC_ARRAY_ADD_UNIQUE -> addUnique(array(root, at));
      case Opcode.SUBDOC_COUNTER -> {
        return count(root, at);
      }
      default -> throw new RefusedException(Status.SUBDOC_INVALID_COMBO);
    }
    return NOTHING;
  }

  private boolean makesPath() {
    return (flags & MAKE_PATH) != 0;
  }

  private void putField(JsonNode root, SubdocPath at) throws RefusedException {
    ObjectNode parent = parentObject(root, at);
    String name = (String) at.last();
    if (opcode == Opcode.SUBDOC_DICT_ADD && parent.has(name)) {
      throw new RefusedException(Status.SUBDOC_PATH_EEXISTS);
    }
    parent.set(name, parsed());
  }

  private ObjectNode parentObject(JsonNode root, SubdocPath at) throws RefusedException {
    if (at.isRoot() || !(at.last() instanceof String)) {
      throw new RefusedException(Status.SUBDOC_PATH_EINVAL);
    }
    if (at.findParent(root, makesPath()) instanceof ObjectNode object) {
      return object;
    }
    throw new RefusedException(Status.SUBDOC_PATH_MISMATCH);
  }

  private void replace(JsonNode root, SubdocPath at) throws RefusedException {
    if (at.isRoot()) {
      throw new RefusedException(Status.SUBDOC_PATH_EINVAL);
    }
    at.find(root);
    JsonNode parent = at.findParent(root, false);
    if (parent instanceof ArrayNode array) {
      array.set(SubdocPath.index(array, (Integer) at.last()), parsed());
    } else {
      ((ObjectNode) parent).set((String) at.last(), parsed());
    }
  }

  private static void delete(JsonNode root, SubdocPath at) throws RefusedException {
    if (at.isRoot()) {
      throw new RefusedException(Status.SUBDOC_PATH_EINVAL);
    }
    at.find(root);
    JsonNode parent = at.findParent(root, false);
    if (parent instanceof ArrayNode array) {
      array.remove(SubdocPath.index(array, (Integer) at.last()));
    } else {
      ((ObjectNode) parent).remove((String) at.last());
    }
  }

  private ArrayNode array(JsonNode root, SubdocPath at) throws RefusedException {
    JsonNode node = root;
    if (!at.isRoot()) {
      JsonNode parent = at.findParent(root, makesPath());
      node = SubdocPath.child(parent, at.last());
      if (node == null && makesPath() && parent instanceof ObjectNode object) {
        node = object.putArray((String) at.last());
      }
    }
    if (node == null) {
      throw new RefusedException(Status.SUBDOC_PATH_ENOENT);
    }
    if (node instanceof ArrayNode array) {
      return array;
    }
    throw new RefusedException(Status.SUBDOC_PATH_MISMATCH);
  }

  private void insertAt(JsonNode root, SubdocPath at) throws RefusedException {
    if (at.isRoot() || !(at.last() instanceof Integer place) || place < 0) {
      throw new RefusedException(Status.SUBDOC_PATH_EINVAL);
    }
    if (!(at.findParent(root, false) instanceof ArrayNode array)) {
      throw new RefusedException(Status.SUBDOC_PATH_MISMATCH);
    }
    if (place > array.size()) {
      throw new RefusedException(Status.SUBDOC_PATH_ENOENT);
    }
    insert(array, place);
  }

  /** Inserts one value or several, which come with commas between them. */
  private void insert(ArrayNode array, int place) throws RefusedException {
    int next = place;
    for (JsonNode value : parse("[" + new String(value(), StandardCharsets.UTF_8) + "]")) {
      array.insert(next++, value);
    }
  }

  private void addUnique(ArrayNode array) throws RefusedException {
    JsonNode added = parsed();
    for (JsonNode present : array) {
      if (present.isContainerNode()) {
        throw new RefusedException(Status.SUBDOC_PATH_MISMATCH);
      }
      if (present.equals(added)) {
        throw new RefusedException(Status.SUBDOC_PATH_EEXISTS);
      }
    }
    array.add(added);
  }

  private byte[] count(JsonNode root, SubdocPath at) throws RefusedException {
    ObjectNode parent = parentObject(root, at);
    JsonNode present = parent.get((String) at.last());
    if (present != null && !present.canConvertToLong()) {
      throw new RefusedException(Status.SUBDOC_PATH_MISMATCH);
    }
    try {
      long delta = Long.parseLong(new String(value, StandardCharsets.US_ASCII));
      LongNode sum =
          LongNode.valueOf(Math.addExact(present == null ? 0 : present.longValue(), delta));
      parent.set((String) at.last(), sum);
      return text(sum);
    } catch (NumberFormatException notANumber) {
      throw new RefusedException(Status.SUBDOC_DELTA_EINVAL);
    } catch (ArithmeticException overflow) {
      throw new RefusedException(Status.SUBDOC_VALUE_CANTINSERT);
    }
  }

  private JsonNode parsed() throws RefusedException {
    return parse(new String(value, StandardCharsets.UTF_8));
  }

  private static JsonNode parse(String json) throws RefusedException {
    try {
      JsonNode node = JSON.readTree(json);
      if (!node.isMissingNode()) {
        return node;
      }
    } catch (JsonProcessingException notJson) {
      // Refused below, like an empty text.
    }
    throw new RefusedException(Status.SUBDOC_VALUE_CANTINSERT);
  }

  /** The tree of a document's body. */
  static JsonNode tree(byte[] body) throws RefusedException {
    try {
      JsonNode node = JSON.readTree(body);
      if (node.isContainerNode()) {
        return node;
      }
    } catch (IOException notJson) {
      // Refused below, like a body that has no paths.
    }
    throw new RefusedException(Status.SUBDOC_DOC_NOTJSON);
  }

  static byte[] text(JsonNode node) {
    return node.toString().getBytes(StandardCharsets.UTF_8);
  }
}
