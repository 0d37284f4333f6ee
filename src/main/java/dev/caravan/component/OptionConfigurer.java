// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import static java.util.stream.Collectors.joining;

import dev.caravan.offset.OffsetStores;
import java.util.Arrays;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.camel.CamelContext;
import org.apache.camel.spi.PropertyConfigurer;
import org.apache.camel.spi.PropertyConfigurerGetter;
import org.jspecify.annotations.Nullable;

/**
 * Sets options by the configurer that Camel generates, and adds two checks of text: it refuses an
 * invalid duration, which Camel converts to 0, and it finds the offset store for a URI.
 * Thread-safe.
 */
final class OptionConfigurer implements PropertyConfigurer, PropertyConfigurerGetter {
  /** In lower case, since Camel may ignore the case of a name. */
  private static final Set<String> DURATIONS =
      Set.of(
          "bootstraptimeout",
          "connecttimeout",
          "draintimeout",
          "maxretrybackoff",
          "offsetcommitinterval",
          "persistencepollinginterval",
          "retrybackoff",
          "stalltimeout");

  /** The forms that Camel converts correctly: milliseconds, numbers with units, or ISO 8601. */
  private static final Pattern DURATION =
      Pattern.compile("-?\\d+|(?=\\d)(\\d+d)?(\\d+h)?(\\d+m)?(\\d+s)?(\\d+ms)?|P[-+0-9.DTHMS]+");

  private static final String OFFSET_STORE = "offsetStore";

  private final PropertyConfigurer generated;
  private final OffsetStores offsetStores;

  /**
   * @param offsetStores the stores that are named by URI
   */
  OptionConfigurer(PropertyConfigurer generated, OffsetStores offsetStores) {
    this.generated = generated;
    this.offsetStores = offsetStores;
  }

  /**
   * @throws IllegalArgumentException if the value has to be a duration or an offset store and is
   *     not
   */
  @Override
  public boolean configure(
      CamelContext context, Object target, String name, Object value, boolean ignoreCase) {
    if (isOffsetStore(name) && value instanceof String text && text.isBlank()) {
      // A placeholder without a value: none.
      return true;
    }
    return generated.configure(context, target, name, checked(context, name, value), ignoreCase);
  }

  private Object checked(CamelContext context, String name, Object value) {
    if (!(value instanceof String text) || text.startsWith("#")) {
      return value;
    }
    Class<?> type = getOptionType(name, true);
    if (type != null && type.isEnum()) {
      Object constant = context.getTypeConverter().tryConvertTo(type, text);
      if (constant == null) {
        throw new IllegalArgumentException(
            name + " '" + text + "' is unknown. Use " + alternatives(type) + ".");
      }
      return constant;
    }
    if (DURATIONS.contains(name.toLowerCase(Locale.ROOT)) && !DURATION.matcher(text).matches()) {
      throw new IllegalArgumentException(
          name
              + " '"
              + text
              + "' is not a duration. Give a number with its unit, such as 500ms, 60s or 5m.");
    }
    return isOffsetStore(name) ? offsetStores.get(text) : value;
  }

  /** Lists the values of an enum, such as {@code retry or stop}. */
  private static String alternatives(Class<?> type) {
    String values =
        Arrays.stream(type.getEnumConstants()).map(Object::toString).collect(joining(", "));
    int last = values.lastIndexOf(", ");
    return values.substring(0, last) + " or " + values.substring(last + 2);
  }

  private static boolean isOffsetStore(String name) {
    return name.equalsIgnoreCase(OFFSET_STORE);
  }

  private PropertyConfigurerGetter getter() {
    return (PropertyConfigurerGetter) generated;
  }

  @Override
  public @Nullable Class<?> getOptionType(String name, boolean ignoreCase) {
    return getter().getOptionType(name, ignoreCase);
  }

  @Override
  public Object getCollectionValueType(Object target, String name, boolean ignoreCase) {
    return getter().getCollectionValueType(target, name, ignoreCase);
  }

  @Override
  public Object getOptionValue(Object target, String name, boolean ignoreCase) {
    return getter().getOptionValue(target, name, ignoreCase);
  }

  @Override
  public String[] getAutowiredNames() {
    return getter().getAutowiredNames();
  }
}
