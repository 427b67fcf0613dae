package dev.millrace.spark.late;

import dev.millrace.spark.settings.MillraceSettings;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.sql.internal.SQLConf;

/**
 * Where a query sends its late rows.
 *
 * @param format a streaming sink's format
 * @param options the sink's options
 */
record LateRowSettings(String format, Map<String, String> options) {
    /** Empty where late rows are only counted. */
    static Optional<LateRowSettings> read(SQLConf conf) {
        String format = MillraceSettings.LATE_FORMAT.read(conf, "");
        return format.isEmpty() ? Optional.empty() : Optional.of(new LateRowSettings(format, options(conf)));
    }

    private static Map<String, String> options(SQLConf conf) {
        Map<String, String> options = new HashMap<>();
        scala.collection.Iterator<scala.Tuple2<String, String>> all =
                conf.getAllConfs().iterator();
        while (all.hasNext()) {
            var setting = all.next();
            if (setting._1().startsWith(MillraceSettings.LATE_OPTIONS)) {
                options.put(setting._1().substring(MillraceSettings.LATE_OPTIONS.length()), setting._2());
            }
        }
        return options;
    }
}
