// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class DatatypeTest {
  @Test
  void aStringAsLongAsADocumentMayBeIsJson() {
    String longest = '"' + "x".repeat(DocumentRequest.MAX_VALUE_LENGTH - 2) + '"';

    assertThat(Datatype.isJson(longest.getBytes(US_ASCII), 0, longest.length())).isTrue();
  }
}
