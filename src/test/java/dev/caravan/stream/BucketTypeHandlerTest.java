// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How a cluster map tells that nothing of a bucket is ever persisted. */
class BucketTypeHandlerTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'bucketType':'ephemeral','bucketCapabilities':['dcp']}",
        "{'bucketCapabilities':['dcp','xattr']}"
      })
  void ephemeralBuckets(String map) {
    assertThat(isEphemeral(map)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'bucketType':'membase','bucketCapabilities':['dcp']}",
        "{'bucketCapabilities':['couchapi','dcp']}",
        "{'rev':1}",
        "not JSON"
      })
  void bucketsThatAreKeptOnDisk(String map) {
    assertThat(isEphemeral(map)).isFalse();
  }

  private static boolean isEphemeral(String map) {
    return BucketTypeHandler.isEphemeral(map.replace('\'', '"').getBytes(UTF_8));
  }
}
