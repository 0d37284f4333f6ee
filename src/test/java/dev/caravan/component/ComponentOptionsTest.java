// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.caravan.component.delivery.Phase;
import dev.caravan.sandbox.cluster.CouchbaseCluster;
import java.io.InputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.camel.CamelContext;
import org.apache.camel.Route;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;
import org.apache.camel.spi.PropertyConfigurerGetter;
import org.junit.jupiter.api.Test;

/** Options that are set as {@code camel.component.couchbase-dcp.*}, the way camel-main has them. */
class ComponentOptionsTest {
  private static final String PREFIX = "camel.component.couchbase-dcp.";
  private static final Credentials LOGIN = Credentials.of("me", "hush");

  /** Values that are not the default, of options whose type says too little. */
  private static final Map<String, String> VALUES =
      Map.of(
          "connectionString", "couchbase://one",
          "collections", "inventory.airline",
          "offsetKey", "mine",
          "offsetStore", "memory:shared",
          "vbuckets", "0-3",
          "credentials", "#bean:login",
          "username", "me",
          "password", "hush",
          "trustCertificate", "pom.xml",
          "maxRetryBackoff", "40s");

  @Test
  void everyOptionOfTheComponentHasItsEffect() throws Exception {
    Map<String, JsonNode> options = new HashMap<>();
    metadata().properties().forEach(option -> options.put(option.getKey(), option.getValue()));
    // Stands for all options of an endpoint, which are set one by one here.
    options.remove("configuration");
    Map<String, String> values = new HashMap<>();
    options.forEach(
        (name, option) ->
            values.put(name, VALUES.containsKey(name) ? VALUES.get(name) : other(option)));

    Main main = main(values);
    main.start();
    try {
      CamelContext context = main.getCamelContext();
      CouchbaseDcpComponent component =
          context.getComponent("couchbase-dcp", CouchbaseDcpComponent.class);
      CouchbaseDcpEndpoint endpoint =
          context.getEndpoint("couchbase-dcp:travel", CouchbaseDcpEndpoint.class);
      PropertyConfigurerGetter ofComponent =
          (PropertyConfigurerGetter) component.getComponentPropertyConfigurer();
      PropertyConfigurerGetter ofEndpoint =
          (PropertyConfigurerGetter) component.getEndpointPropertyConfigurer();
      options.forEach(
          (name, option) -> {
            Object value =
                ofEndpoint.getOptionType(name, false) == null
                    ? ofComponent.getOptionValue(component, name, false)
                    : ofEndpoint.getOptionValue(endpoint, name, false);
            if (name.equals("offsetStore")) {
              assertThat(value)
                  .isSameAs(
                      context
                          .getEndpoint(
                              "couchbase-dcp:other?offsetStore=memory:shared",
                              CouchbaseDcpEndpoint.class)
                          .getConfiguration()
                          .getOffsetStore());
            } else if (name.equals("credentials")) {
              assertThat(value).isSameAs(LOGIN);
            } else if (option.path("type").asText().equals("duration")) {
              assertThat(value).as(name).isEqualTo(millis(values.get(name)));
            } else {
              assertThat(value).as(name).asString().isEqualTo(values.get(name));
            }
          });
    } finally {
      main.stop();
    }
  }

  @Test
  void aDurationThatIsNoneIsRefusedWhateverTheOption() throws Exception {
    List<String> durations = new ArrayList<>();
    metadata()
        .properties()
        .forEach(
            option -> {
              if (option.getValue().path("type").asText().equals("duration")) {
                durations.add(option.getKey());
              }
            });
    assertThat(durations).hasSizeGreaterThan(5);
    for (String option : durations) {
      Main main = main(Map.of("connectionString", "one", option, "never"));
      assertThatThrownBy(main::start)
          .as(option)
          .hasStackTraceContaining(option + " 'never' is not a duration");
      main.stop();
    }
  }

  @Test
  void ioThreadsIsHowManyThreadsTalkToCouchbase() throws Exception {
    try (CouchbaseCluster cluster =
        CouchbaseCluster.builder().nodes(3).vbuckets(8).bucket("travel").start()) {
      Set<Thread> before = ioThreads();
      Main main =
          main(Map.of("connectionString", cluster.connectionString(), "ioThreads", "1"), true);
      main.start();
      try {
        Route route = main.getCamelContext().getRoute("route");
        CouchbaseDcpConsumer consumer = (CouchbaseDcpConsumer) route.getConsumer();
        await()
            .atMost(Duration.ofSeconds(20))
            .until(() -> consumer.status().phase() == Phase.STREAMING);

        Set<Thread> started = ioThreads();
        started.removeAll(before);
        assertThat(started).as("threads of three connections").hasSize(1);
      } finally {
        main.stop();
      }
    }
  }

  private static Set<Thread> ioThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("couchbase-dcp-io"))
        .collect(Collectors.toSet());
  }

  private static Main main(Map<String, String> options) {
    return main(options, false);
  }

  private static Main main(Map<String, String> options, boolean autoStart) {
    Main main = new Main();
    main.bind("login", LOGIN);
    options.forEach((name, value) -> main.addInitialProperty(PREFIX + name, value));
    main.configure()
        .addRoutesBuilder(
            new RouteBuilder() {
              @Override
              public void configure() {
                from("couchbase-dcp:travel")
                    .routeId("route")
                    .autoStartup(autoStart)
                    .to("mock:received");
              }
            });
    return main;
  }

  private static JsonNode metadata() throws Exception {
    try (InputStream json =
        ComponentOptionsTest.class.getResourceAsStream(
            "/META-INF/dev/caravan/component/couchbase-dcp.json")) {
      return new ObjectMapper().readTree(json).path("componentProperties");
    }
  }

  /** A value that is not the default. */
  private static String other(JsonNode option) {
    String standard = option.path("defaultValue").asText();
    return switch (option.path("type").asText()) {
      case "boolean" -> standard.equals("true") ? "false" : "true";
      case "integer" -> Integer.toString(Integer.parseInt(standard) + 1);
      case "duration" -> "7s";
      case "enum" -> option.path("enum").get(option.path("enum").size() - 1).asText();
      default -> throw new IllegalStateException("No value for an option: " + option);
    };
  }

  private static long millis(String seconds) {
    return Long.parseLong(seconds.replace("s", "")) * 1_000;
  }
}
