// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.caravan.sandbox.kv.protocol.Datatype;
import dev.caravan.sandbox.kv.protocol.Json;
import dev.caravan.sandbox.kv.protocol.RefusedException;
import dev.caravan.sandbox.kv.protocol.Status;
import dev.caravan.sandbox.kv.protocol.Xattrs;
import dev.caravan.sandbox.kv.store.Item;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A document while a subdocument command reads or changes it: its body, and its extended attributes
 * as one JSON object. Used by one thread.
 *
 * <p>A changed body is written from its tree, so that white space is lost; a real node edits the
 * text.
 */
final class SubdocDocument {
  private static final String VIRTUAL = "$document";

  private final ObjectNode attributes;
  private byte[] body;
  private @Nullable JsonNode tree;
  private boolean treeChanged;

  private SubdocDocument(byte[] body, ObjectNode attributes) {
    this.body = body;
    this.attributes = attributes;
  }

  static SubdocDocument empty() {
    return new SubdocDocument(Json.bytes("{}"), SubdocOperation.JSON.createObjectNode());
  }

  static SubdocDocument of(Item item, long vbuuid) {
    ObjectNode attributes = SubdocOperation.JSON.createObjectNode();
    item.xattrs()
        .forEach(
            (name, json) -> {
              try {
                attributes.set(name, SubdocOperation.JSON.readTree(json));
              } catch (JsonProcessingException e) {
                throw new IllegalStateException("a stored attribute is not JSON", e);
              }
            });
    attributes.set(VIRTUAL, virtual(item, vbuuid));
    return new SubdocDocument(item.body(), attributes);
  }

  /** The virtual attribute with the metadata of the document. */
  private static ObjectNode virtual(Item item, long vbuuid) {
    ObjectNode node = SubdocOperation.JSON.createObjectNode();
    node.put("CAS", hex(item.cas())).put("vbucket_uuid", hex(vbuuid));
    node.put("seqno", hex(item.seqno())).put("revid", Long.toString(item.revSeqno()));
    node.put("exptime", Integer.toUnsignedLong(item.expiry())).put("flags", item.flags());
    node.put("value_bytes", item.body().length).put("deleted", item.isTombstone());
    node.put("last_modified", Long.toString(item.cas() / 1_000_000_000));
    return node;
  }

  private static String hex(long number) {
    return "0x%016x".formatted(number);
  }

  byte[] lookUp(SubdocOperation operation) throws RefusedException {
    if (operation.isOfWholeBody()) {
      return body;
    }
    if (!operation.isXattr()) {
      return operation.lookUp(tree());
    }
    if (operation.attribute().startsWith("$") && !operation.attribute().equals(VIRTUAL)) {
      throw new RefusedException(Status.SUBDOC_XATTR_UNKNOWN_VATTR);
    }
    return operation.lookUp(attributes);
  }

  byte[] mutate(SubdocOperation operation) throws RefusedException {
    if (operation.isXattr()) {
      return operation.mutate(attributes);
    }
    if (operation.isOfWholeBody()) {
      body = operation.value();
      tree = null;
      treeChanged = false;
      return new byte[0];
    }
    byte[] result = operation.mutate(tree());
    treeChanged = true;
    return result;
  }

  private JsonNode tree() throws RefusedException {
    if (tree == null) {
      tree = SubdocOperation.tree(body);
    }
    return tree;
  }

  private byte[] body() {
    return treeChanged && tree != null ? SubdocOperation.text(tree) : body;
  }

  private Map<String, String> stored() {
    Map<String, String> stored = new LinkedHashMap<>();
    attributes
        .properties()
        .forEach(
            field -> {
              if (!field.getKey().equals(VIRTUAL)) {
                stored.put(field.getKey(), field.getValue().toString());
              }
            });
    return stored;
  }

  /** The value to store: attributes and body. */
  byte[] value() {
    return Xattrs.before(body(), stored());
  }

  int datatype() {
    byte[] now = body();
    int json = Datatype.of(now);
    return stored().isEmpty() ? json : json | Datatype.XATTR;
  }
}
