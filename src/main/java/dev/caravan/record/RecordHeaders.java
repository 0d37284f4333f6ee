// SPDX-License-Identifier: Apache-2.0
package dev.caravan.record;

import dev.caravan.component.CouchbaseDcpMessage;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The configured headers of each record. Immutable.
 *
 * @param prefix the prefix of the headers' names; may be empty
 * @param headers the headers; may be empty
 */
public record RecordHeaders(String prefix, List<RecordHeader> headers) {
  /** The default prefix, which is that of the official Couchbase connector. */
  public static final String DEFAULT_PREFIX = "couchbase.";

  /** No headers. */
  public static final RecordHeaders NONE = new RecordHeaders(DEFAULT_PREFIX, List.of());

  public RecordHeaders {
    headers = List.copyOf(headers);
  }

  /**
   * Returns the headers of a record.
   *
   * @param encoding the encoding of {@link RecordFormat.Value}, which has its own header; may be
   *     null
   */
  Map<String, Object> of(CouchbaseDcpMessage change, @Nullable String encoding) {
    if (headers.isEmpty()) {
      return encoding == null ? Map.of() : Map.of(RecordConverter.ENCODING_HEADER, encoding);
    }
    Map<String, Object> all = new HashMap<>();
    for (RecordHeader header : headers) {
      String value = header.of(change);
      if (value != null) {
        all.put(prefix + header.label(), value);
      }
    }
    if (encoding != null) {
      all.put(RecordConverter.ENCODING_HEADER, encoding);
    }
    return all;
  }
}
