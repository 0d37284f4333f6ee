// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import java.io.Closeable;
import java.io.IOException;
import java.io.Reader;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Offset stores by URI, for routes that do not define a bean:
 *
 * <pre>
 * file:&lt;path&gt;
 * kafka:&lt;topic&gt;?brokers=&lt;host:port,..&gt;[&amp;properties=&lt;path&gt;][&amp;&lt;setting&gt;=&lt;value&gt;..]
 * memory:[&lt;name&gt;]
 * </pre>
 *
 * <p>The settings are those of the Kafka clients, such as {@code security.protocol}. They are in
 * the URI or in the properties file; the URI has precedence. Values in the URI are percent-decoded.
 * A setting that holds a secret is refused in the URI, because Camel logs endpoint URIs, unless it
 * is a reference that Kafka resolves itself, such as <code>${file:/etc/kafka/secrets:jaas}</code>.
 *
 * <p>Equivalent URIs return the same store. Safe for use by several threads.
 */
public final class OffsetStores implements Closeable {
  private static final Logger LOG = LoggerFactory.getLogger(OffsetStores.class);

  private static final String FILE = "file";
  private static final String KAFKA = "kafka";
  private static final String MEMORY = "memory";
  private static final String BROKERS = "brokers";
  private static final String PROPERTIES = "properties";
  private static final String BOOTSTRAP_SERVERS = "bootstrap.servers";

  private final Map<String, SharedOffsetStore> stores = new HashMap<>();

  /**
   * Returns the store of a URI. The store is not opened before its first use.
   *
   * @throws IllegalArgumentException if the URI is invalid; the message has the remedy, and no
   *     settings of the URI
   */
  public synchronized SharedOffsetStore get(String uri) {
    String scheme = uri.substring(0, Math.max(0, uri.indexOf(':')));
    String rest = uri.substring(Math.min(uri.length(), scheme.length() + 1));
    return switch (scheme) {
      case FILE -> file(rest);
      case KAFKA -> kafka(rest);
      case MEMORY -> stores.computeIfAbsent(MEMORY + ":" + rest, key -> new MemoryOffsetStore());
      default ->
          throw new IllegalArgumentException(
              "offsetStore '"
                  + withoutQuery(uri)
                  + "' is no offset store. Use file:<path>, kafka:<topic>?brokers=<host:port>,"
                  + " memory:<name>, or #bean:<name>.");
    };
  }

  private SharedOffsetStore file(String location) {
    // file:///path is file:/path
    String path = location.startsWith("///") ? location.substring(2) : location;
    if (path.isBlank()) {
      throw new IllegalArgumentException(
          "offsetStore 'file:" + location + "' has no path. Use file:<path>.");
    }
    return stores.computeIfAbsent(
        FILE + ":" + Path.of(path).toAbsolutePath().normalize(), key -> new FileOffsetStore(path));
  }

  private SharedOffsetStore kafka(String location) {
    String topic = withoutQuery(location);
    String name = KAFKA + ":" + topic;
    Map<String, String> parameters =
        location.length() > topic.length()
            ? parameters(name, location.substring(topic.length() + 1))
            : Map.of();
    if (topic.isBlank()) {
      throw new IllegalArgumentException(
          "offsetStore 'kafka:' has no topic. Use kafka:<topic>?brokers=<host:port>.");
    }
    Map<String, String> settings = new TreeMap<>();
    parameters.forEach(
        (key, value) -> {
          if (isSecret(key) && !value.startsWith("${")) {
            throw new IllegalArgumentException(
                "offsetStore '"
                    + name
                    + "': "
                    + key
                    + " must not be in the URI, which is logged. Set it in the file that the"
                    + " parameter 'properties' names.");
          }
          settings.put(key.equals(BROKERS) ? BOOTSTRAP_SERVERS : key, value);
        });
    String file = settings.remove(PROPERTIES);
    if (file != null) {
      properties(name, file).forEach(settings::putIfAbsent);
    }
    if (settings.getOrDefault(BOOTSTRAP_SERVERS, "").isBlank()) {
      throw new IllegalArgumentException(
          "offsetStore '"
              + name
              + "' has no brokers. Use kafka:<topic>?brokers=<host:port>, with several separated by"
              + " commas.");
    }
    return stores.computeIfAbsent(name + settings, key -> kafkaTopic(name, topic, settings));
  }

  private static SharedOffsetStore kafkaTopic(
      String name, String topic, Map<String, String> settings) {
    try {
      Class.forName(
          "org.apache.kafka.clients.producer.KafkaProducer",
          false,
          OffsetStores.class.getClassLoader());
    } catch (ClassNotFoundException e) {
      throw new IllegalArgumentException(
          "offsetStore '"
              + name
              + "' needs Kafka's client, which is not on the class path. Add"
              + " org.apache.kafka:kafka-clients, or camel-kafka, which brings it.",
          e);
    }
    return new KafkaTopicOffsetStore(topic, settings);
  }

  private static String withoutQuery(String uri) {
    int query = uri.indexOf('?');
    return query < 0 ? uri : uri.substring(0, query);
  }

  private static Map<String, String> parameters(String name, String query) {
    Map<String, String> parameters = new TreeMap<>();
    for (String parameter : query.split("&", -1)) {
      int equals = parameter.indexOf('=');
      String key = equals < 0 ? "" : parameter.substring(0, equals).trim();
      String value = key.isEmpty() ? null : decoded(parameter.substring(equals + 1));
      if (value == null) {
        throw new IllegalArgumentException(
            "offsetStore '"
                + name
                + "': a parameter is not of the form key=value, or its value is not"
                + " percent-encoded. Write & as %26 and % as %25 in values.");
      }
      parameters.put(key, value);
    }
    return parameters;
  }

  private static @Nullable String decoded(String value) {
    try {
      return URLDecoder.decode(value.replace("+", "%2B"), StandardCharsets.UTF_8).trim();
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  /** Returns whether a setting is a password of Kafka's, or has a name like one. */
  private static boolean isSecret(String key) {
    String name = key.toLowerCase(Locale.ROOT);
    return name.contains("password")
        || name.contains("secret")
        || name.equals("sasl.jaas.config")
        || name.equals("ssl.keystore.key");
  }

  private static Map<String, String> properties(String name, String file) {
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(Path.of(file))) {
      properties.load(reader);
    } catch (IOException | IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "offsetStore '"
              + name
              + "': properties '"
              + file
              + "' can't be read. Give the path of a properties file with settings of the Kafka"
              + " clients.",
          e);
    }
    Map<String, String> settings = new HashMap<>();
    properties
        .stringPropertyNames()
        .forEach(key -> settings.put(key, properties.getProperty(key).trim()));
    return settings;
  }

  /** Closes all stores. A later use of a store opens it again. May block for several seconds. */
  @Override
  public synchronized void close() {
    for (SharedOffsetStore store : stores.values()) {
      if (store instanceof Closeable open) {
        try {
          open.close();
        } catch (IOException e) {
          LOG.warn("An offset store could not be closed: {}", e.getMessage());
        }
      }
    }
  }
}
