// SPDX-License-Identifier: Apache-2.0
package dev.caravan.record;

import dev.caravan.component.CouchbaseDcpMessage;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The headers that each record gets of its change, beside those that its value needs. Immutable.
 *
 * @param prefix what the names of the headers begin with; may be empty
 * @param headers which ones; none costs nothing
 */
public record RecordHeaders(String prefix, List<RecordHeader> headers) {
  /** What names begin with unless something else is said, as with Couchbase's own connector. */
  public static final String DEFAULT_PREFIX = "couchbase.";

  /** No headers. */
  public static final RecordHeaders NONE = new RecordHeaders(DEFAULT_PREFIX, List.of());

  public RecordHeaders {
    headers = List.copyOf(headers);
  }

  /**
   * The headers of a record.
   *
   * @param encoding how the value is encoded, null if as it usually is
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
