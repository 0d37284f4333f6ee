// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What Linux tells of a process in {@code /proc/<pid>/status}. */
public final class ProcStatus {
  private ProcStatus() {}

  /**
   * A number of a process.
   *
   * @param process its id, or "self"
   * @param key such as {@code Threads}, or {@code VmHWM} in kilobytes
   * @return 0 where there is no such thing
   */
  public static long of(String process, String key) throws IOException {
    Path status = Path.of("/proc", process, "status");
    if (!Files.isReadable(status)) {
      return 0;
    }
    return Files.readAllLines(status).stream()
        .filter(line -> line.startsWith(key + ":"))
        .map(line -> line.replaceAll("\\D", ""))
        .mapToLong(Long::parseLong)
        .findAny()
        .orElse(0);
  }
}
