// SPDX-License-Identifier: Apache-2.0
package dev.caravan.record;

import static java.util.Objects.requireNonNull;

import dev.caravan.component.CouchbaseDcpMessage;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.jspecify.annotations.Nullable;

/**
 * Writes values in Avro, with the optional strings {@code bucket}, {@code document} (the id) and
 * {@code body} (the document's text). The schema is registered under the subject {@code
 * <topic>-value}. A document that is not UTF-8 text is encoded in base64, and the encoding of the
 * value is {@link DocumentJson#BASE64}.
 *
 * <p>The format is that of Confluent's serializers:
 *
 * <pre>
 * +------+-----------------+----------------------+
 * | 0x00 | schema id, 4 BE | Avro binary encoding |
 * +------+-----------------+----------------------+
 * </pre>
 *
 * <p>Safe for use by several threads.
 */
public final class DocumentAvro implements RecordFormat {
  private static final int MAGIC = 0;
  private static final int NULL_BRANCH = 0;
  private static final int STRING_BRANCH = 1;
  private static final int OVERHEAD = 64;

  private final SchemaRegistry registry;
  private final String schema;
  private final Map<String, Integer> ids = new ConcurrentHashMap<>();

  /**
   * @param schemaName the full name of the schema, for example {@code com.example.Document}
   * @param registry the registry of the schema
   * @throws org.apache.avro.SchemaParseException if Avro does not allow the name
   */
  public DocumentAvro(String schemaName, SchemaRegistry registry) {
    this.registry = requireNonNull(registry, "registry is null");
    this.schema = schema(schemaName).toString();
  }

  private static Schema schema(String name) {
    return SchemaBuilder.record(name)
        .fields()
        .optionalString("bucket")
        .optionalString("document")
        .optionalString("body")
        .endRecord();
  }

  @Override
  public Value write(CouchbaseDcpMessage mutation, String topic) {
    byte @Nullable [] document = mutation.getBody(byte[].class);
    @Nullable String encoding = null;
    if (document != null && !Utf8.isText(document)) {
      document = Base64.getEncoder().encode(document);
      encoding = DocumentJson.BASE64;
    }
    return new Value(encode(mutation, document, schemaId(topic)), encoding);
  }

  private int schemaId(String topic) {
    Integer known = ids.get(topic);
    if (known != null) {
      return known;
    }
    try {
      int id = registry.register(topic + "-value", schema);
      ids.put(topic, id);
      return id;
    } catch (IOException e) {
      throw new UncheckedIOException(e.getMessage(), e);
    }
  }

  private static byte[] encode(CouchbaseDcpMessage mutation, byte @Nullable [] text, int schemaId) {
    int length = text == null ? 0 : text.length;
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(length + OVERHEAD);
    try {
      DataOutputStream header = new DataOutputStream(bytes);
      header.writeByte(MAGIC);
      header.writeInt(schemaId);
      BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(bytes, null);
      encoder.writeIndex(STRING_BRANCH);
      encoder.writeString(mutation.getBucket());
      encoder.writeIndex(STRING_BRANCH);
      encoder.writeString(mutation.getDocumentId());
      if (text == null) {
        encoder.writeIndex(NULL_BRANCH);
        encoder.writeNull();
      } else {
        encoder.writeIndex(STRING_BRANCH);
        // Avro encodes a string as its UTF-8 bytes.
        encoder.writeBytes(text, 0, length);
      }
      encoder.flush();
    } catch (IOException e) {
      throw new UncheckedIOException("Writing to memory failed", e);
    }
    return bytes.toByteArray();
  }
}
