package dev.millrace.spark.late;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.settings.MillraceSettings;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.sql.internal.SQLConf;

/**
 * Where a query sends its late rows: a format with its options, or a table.
 *
 * @param format a streaming sink's format, or empty for a table
 * @param table the table's name, or empty for a format
 * @param options the sink's options
 */
record LateRowSettings(String format, String table, Map<String, String> options) {
    /** Empty where late rows are only counted. Errors: UNSUPPORTED_SETTING. */
    static Optional<LateRowSettings> read(SQLConf conf) {
        String format = MillraceSettings.LATE_FORMAT.read(conf, "");
        String table = MillraceSettings.LATE_TABLE.read(conf, "");
        if (!format.isEmpty() && !table.isEmpty()) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_SETTING,
                    "Cannot send late rows to two places: %s=%s, %s=%s. Unset one of them."
                            .formatted(
                                    MillraceSettings.LATE_FORMAT.key(),
                                    format,
                                    MillraceSettings.LATE_TABLE.key(),
                                    table));
        }
        return format.isEmpty() && table.isEmpty()
                ? Optional.empty()
                : Optional.of(new LateRowSettings(format, table, options(conf)));
    }

    private static Map<String, String> options(SQLConf conf) {
        Map<String, String> options = new HashMap<>();
        scala.collection.Iterator<scala.Tuple2<String, String>> all = conf.getAllConfs().iterator();
        while (all.hasNext()) {
            var setting = all.next();
            if (setting._1().startsWith(MillraceSettings.LATE_OPTIONS)) {
                options.put(setting._1().substring(MillraceSettings.LATE_OPTIONS.length()), setting._2());
            }
        }
        return options;
    }
}
