// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.stream.BucketStream;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.Logger;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.config.Property;
import org.junit.jupiter.api.Test;

/** What the log has of a login that is refused, in an application that logs what warns. */
class LoginLogTest {
  @Test
  void aRefusedLoginIsOneLineHoweverOftenItIsTried() throws Exception {
    AtomicInteger tries = new AtomicInteger();
    Credentials wrong =
        new Credentials() {
          @Override
          public String username() {
            tries.incrementAndGet();
            return "Administrator";
          }

          @Override
          public String password() {
            return "wrong";
          }
        };
    try (CouchbaseNode node = CouchbaseNode.builder().vbuckets(4).bucket("travel").start();
        Warnings warnings = new Warnings();
        Routes routes = new Routes().bind("login", wrong)) {
      routes.start(
          "couchbase-dcp:travel?credentials=#login&retryBackoff=50ms&maxRetryBackoff=400ms&connectionString="
              + node.connectionString(),
          new Received());
      await().atMost(Routes.SOON).until(() -> tries.get() > 5);

      assertThat(warnings.lines)
          .singleElement()
          .asString()
          .contains("Bucket 'travel' is not streaming", "the password is wrong");
    }
  }

  /** What is logged at WARN and above by loggers that the documentation does not quiet. */
  private static final class Warnings extends AbstractAppender implements AutoCloseable {
    private final Logger root = (Logger) LogManager.getRootLogger();
    private final List<String> lines = new CopyOnWriteArrayList<>();

    private Warnings() {
      super("warnings", null, null, false, Property.EMPTY_ARRAY);
      start();
      root.addAppender(this);
    }

    @Override
    public void append(LogEvent event) {
      boolean ours = event.getLoggerName().equals(BucketStream.class.getName());
      if (event.getLevel().isMoreSpecificThan(Level.WARN)
          && (ours || event.getLoggerName().startsWith("com.couchbase"))) {
        lines.add(event.getMessage().getFormattedMessage());
      }
    }

    @Override
    public void close() {
      root.removeAppender(this);
      stop();
    }
  }
}
