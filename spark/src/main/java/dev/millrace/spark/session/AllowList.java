package dev.millrace.spark.session;

import dev.millrace.spark.settings.MillraceSettings;
import org.apache.spark.sql.internal.SQLConf;

/**
 * Spark's allow-list for real-time queries refuses sinks and operators that Millrace runs, and it is
 * asked before the query manager is. It is switched off while Millrace is on, and only where the
 * user set nothing; switched back on when the user turns Millrace off.
 *
 * <p>Thread: any.
 */
final class AllowList {
    private static final String CHECK = "spark.sql.streaming.realTimeMode.allowlistCheck";

    private AllowList() {}

    /** Brings the setting in line with whether Millrace is on. */
    static void synchronize(SQLConf conf) {
        String check = conf.getConfString(CHECK, null);
        boolean relaxed = conf.getConfString(MillraceSettings.ALLOW_LIST_RELAXED, null) != null;
        if (MillraceSettings.isEnabled(conf)) {
            if (check == null) {
                conf.setConfString(CHECK, "false");
                conf.setConfString(MillraceSettings.ALLOW_LIST_RELAXED, "true");
            }
        } else if (relaxed) {
            if ("false".equals(check)) {
                conf.unsetConf(CHECK);
            }
            conf.unsetConf(MillraceSettings.ALLOW_LIST_RELAXED);
        }
    }
}
