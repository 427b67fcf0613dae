package dev.millrace.spark.settings;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import java.util.function.Function;
import org.apache.spark.sql.internal.SQLConf;

/**
 * One setting, as it is documented and as it is read.
 *
 * @param key its full name
 * @param type what a value is, for messages and documentation
 * @param defaultText the value while the user set nothing, as documented
 * @param doc what it does, with its unit
 * @param parser gives the value, or throws {@link IllegalArgumentException} with what is wrong
 */
public record Setting<T>(String key, String type, String defaultText, String doc, Function<String, T> parser) {
    /** The value that stands in {@code conf}, or {@code otherwise}. Errors: UNSUPPORTED_SETTING. */
    public T read(SQLConf conf, T otherwise) {
        String text = conf.getConfString(key, null);
        return text == null ? otherwise : parse(text);
    }

    /** The value that a text gives. Errors: UNSUPPORTED_SETTING. */
    public T parse(String text) {
        try {
            return parser.apply(text.trim());
        } catch (IllegalArgumentException e) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_SETTING,
                    "Cannot use a setting: %s=%s, expected %s. Give such a value, or leave it out for %s."
                            .formatted(key, text, type, defaultText),
                    e);
        }
    }
}
