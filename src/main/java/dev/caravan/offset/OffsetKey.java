// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * The key of a record of the offsets topic, in the format of Kafka Connect and the official
 * Couchbase connector: {@code ["connector",{"bucket":"travel","partition":"17"}]}.
 *
 * @param vbucket the number of the vBucket, from 0
 */
record OffsetKey(String connector, String bucket, int vbucket) {
  static final String BUCKET = "bucket";
  static final String PARTITION = "partition";

  private static final JsonFactory JSON = new JsonFactory();

  /**
   * Reads a key of this or another program.
   *
   * @throws IOException if it is not such a key, for example that of another kind of connector
   */
  static OffsetKey read(byte[] key) throws IOException {
    try (JsonParser json = JSON.createParser(key)) {
      if (json.nextToken() == JsonToken.START_ARRAY) {
        String connector = json.nextTextValue();
        if (connector != null && json.nextToken() == JsonToken.START_OBJECT) {
          return source(connector, json);
        }
      }
    }
    throw notAKey();
  }

  private static OffsetKey source(String connector, JsonParser json) throws IOException {
    @Nullable String bucket = null;
    int vbucket = -1;
    for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
      JsonToken value = json.nextToken();
      if (name.equals(BUCKET) && value == JsonToken.VALUE_STRING) {
        bucket = json.getText();
      } else if (name.equals(PARTITION)) {
        vbucket = json.getValueAsInt(-1);
        if (vbucket < 0) {
          throw new IOException(
              "the partition \"" + json.getText() + "\" is not the number of a vBucket");
        }
      }
      json.skipChildren();
    }
    if (bucket == null || vbucket < 0) {
      throw notAKey();
    }
    return new OffsetKey(connector, bucket, vbucket);
  }

  private static IOException notAKey() {
    return new IOException("the key is not [\"connector\",{\"bucket\":..,\"partition\":..}]");
  }
}
