package dev.millrace.spark.settings;

import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.internal.SQLConf;

/** What of a session's settings a running query follows, as text, for those who look at it. */
public final class SettingsInForce {
    private static final String[] OF_SPARK = {
        "spark.sql.shuffle.partitions",
        "spark.sql.session.timeZone",
        "spark.sql.streaming.minBatchesToRetain",
        "spark.sql.streaming.multipleWatermarkPolicy",
        "spark.sql.streaming.metricsEnabled",
        "spark.sql.ansi.enabled"
    };

    private SettingsInForce() {}

    /** All of Millrace's, and those of Spark's that matter here; by name, in its order. */
    public static Map<String, String> of(SQLConf conf) {
        Map<String, String> values = new TreeMap<>();
        for (Setting<?> setting : MillraceSettings.ALL) {
            values.put(setting.key(), conf.getConfString(setting.key(), setting.defaultText()));
        }
        for (String name : OF_SPARK) {
            values.put(name, conf.getConfString(name));
        }
        return values;
    }
}
