// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads {@code /proc/<pid>/status}, which Linux has for each process. */
public final class ProcStatus {
  private ProcStatus() {}

  /**
   * A number in the status of a process.
   *
   * @param process the id of the process, or "self"
   * @param key such as {@code Threads}, or {@code VmHWM} in kB
   * @return 0 on other systems than Linux, and for an unknown process or key
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
