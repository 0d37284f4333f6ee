// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import dev.caravan.component.CouchbaseDcpConfiguration;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.types.Password;
import org.jspecify.annotations.Nullable;

/**
 * One key of a connector's configuration. Immutable.
 *
 * @param key the key
 * @param group the group of keys that it is documented with
 * @param type the type to which Kafka parses the value
 * @param converter converts a valid parsed value to the typed value
 * @param defaultValue the parsed default, null if the key is optional and has none, or {@link
 *     ConfigDef#NO_DEFAULT_VALUE} if the key is required
 * @param validator checks a parsed value on its own; null if every value of the type is valid
 * @param validValues the valid values as the reference shows them, in Markdown
 * @param importance the importance
 * @param endpoint the option of the endpoint that gets the value; null if the worker uses the value
 *     itself
 * @param documentation the description that the reference shows, in Markdown
 * @param <T> the typed value
 */
record ConnectorOption<T>(
    String key,
    Group group,
    ConfigDef.Type type,
    Function<Object, T> converter,
    @Nullable Object defaultValue,
    ConfigDef.@Nullable Validator validator,
    String validValues,
    Importance importance,
    @Nullable EndpointOption<T> endpoint,
    String documentation) {

  /** The groups of keys, in the order of the reference. */
  enum Group {
    CONNECTOR("Connector"),
    COUCHBASE("Connection to Couchbase"),
    STREAMING("Streaming"),
    RECORDS("Records"),
    DELIVERY("Delivery"),
    ERRORS("Errors");

    private final String title;

    Group(String title) {
      this.title = title;
    }

    /** Returns the heading of the group. */
    String title() {
      return title;
    }
  }

  /**
   * An option of the endpoint.
   *
   * @param name the name of the option
   * @param setter sets the option to the typed value
   */
  record EndpointOption<T>(String name, BiConsumer<CouchbaseDcpConfiguration, T> setter) {}

  static Builder<String> string(String key) {
    return new Builder<>(key, ConfigDef.Type.STRING, String.class::cast);
  }

  static Builder<Integer> integer(String key) {
    return new Builder<>(key, ConfigDef.Type.INT, Integer.class::cast);
  }

  static Builder<Short> shortInteger(String key) {
    return new Builder<>(key, ConfigDef.Type.SHORT, Short.class::cast);
  }

  static Builder<Long> longInteger(String key) {
    return new Builder<>(key, ConfigDef.Type.LONG, Long.class::cast);
  }

  static Builder<Boolean> bool(String key) {
    return new Builder<>(key, ConfigDef.Type.BOOLEAN, Boolean.class::cast);
  }

  static Builder<Password> password(String key) {
    return new Builder<>(key, ConfigDef.Type.PASSWORD, Password.class::cast);
  }

  @SuppressWarnings("unchecked") // Kafka parses a LIST to a List<String>
  static Builder<List<String>> list(String key) {
    return new Builder<>(key, ConfigDef.Type.LIST, value -> (List<String>) value);
  }

  /** Returns the typed value of a valid parsed value. */
  T typed(Object parsed) {
    return converter.apply(parsed);
  }

  /** Adds the key to a definition. */
  void addTo(ConfigDef definition, int orderInGroup) {
    definition.define(
        key,
        type,
        defaultValue,
        validator,
        importance,
        documentation,
        group.title(),
        orderInGroup,
        ConfigDef.Width.MEDIUM,
        key);
  }

  /** Returns the key. */
  @Override
  public String toString() {
    return key;
  }

  /**
   * Builds an option. An option is not required, has no default and accepts every value of its type
   * unless it is built otherwise.
   */
  static final class Builder<T> {
    private final String key;
    private final ConfigDef.Type type;
    private final Function<Object, T> converter;
    private @Nullable Object defaultValue;
    private ConfigDef.@Nullable Validator validator;
    private String validValues;
    private Importance importance = Importance.MEDIUM;
    private @Nullable EndpointOption<T> endpoint;

    private Builder(String key, ConfigDef.Type type, Function<Object, T> converter) {
      this.key = key;
      this.type = type;
      this.converter = converter;
      this.validValues =
          switch (type) {
            case BOOLEAN -> "`true`, `false`";
            case INT, SHORT, LONG -> "any integer";
            default -> "any text";
          };
    }

    Builder<T> required() {
      this.defaultValue = ConfigDef.NO_DEFAULT_VALUE;
      return this;
    }

    Builder<T> defaultValue(Object value) {
      this.defaultValue = value;
      return this;
    }

    Builder<T> importance(Importance value) {
      this.importance = value;
      return this;
    }

    /** Sets the valid values, for the reference. Other keys decide what is valid. */
    Builder<T> validValues(String text) {
      this.validValues = text;
      return this;
    }

    /**
     * Sets the validator, which is not called without a value.
     *
     * @param text the valid values, for the reference
     */
    Builder<T> valid(String text, ConfigDef.Validator check) {
      this.validValues = text;
      // The value is null if it is missing, and if Kafka could not parse it and has reported that.
      this.validator =
          (name, value) -> {
            if (value != null) {
              check.ensureValid(name, value);
            }
          };
      return this;
    }

    /** Accepts the given values only. */
    Builder<T> oneOf(Object... values) {
      String[] names = Arrays.stream(values).map(Object::toString).toArray(String[]::new);
      return valid(
          Arrays.stream(names).collect(Collectors.joining("`, `", "`", "`")),
          ConfigDef.ValidString.in(names));
    }

    /** Converts the value; to be called before {@link #endpoint}. */
    <U> Builder<U> as(Function<T, U> conversion) {
      Builder<U> converted = new Builder<>(key, type, converter.andThen(conversion));
      converted.defaultValue = defaultValue;
      converted.validator = validator;
      converted.validValues = validValues;
      converted.importance = importance;
      return converted;
    }

    /** Sets the option of the endpoint that gets the value. */
    Builder<T> endpoint(String name, BiConsumer<CouchbaseDcpConfiguration, T> setter) {
      this.endpoint = new EndpointOption<>(name, setter);
      return this;
    }

    ConnectorOption<T> build(Group group, String documentation) {
      return new ConnectorOption<>(
          key,
          group,
          type,
          converter,
          defaultValue,
          validator,
          validValues,
          importance,
          endpoint,
          documentation);
    }
  }
}
