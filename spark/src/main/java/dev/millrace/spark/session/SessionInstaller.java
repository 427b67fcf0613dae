package dev.millrace.spark.session;

import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.rules.Rule;
import org.apache.spark.sql.classic.SparkSession;

/** Puts Millrace into one session. Thread: the one that builds the session's analyzer. */
final class SessionInstaller {
    private SessionInstaller() {}

    /** Takes over the session's query manager, and gives a rule that changes no plan. */
    static Rule<LogicalPlan> install(SparkSession session) {
        boolean installed = SparkInternals.installQueryManager(session);
        if (installed) {
            AllowList.synchronize(session.sessionState().conf());
        }
        return new AllowListRule(session, installed);
    }

    /**
     * Changes no plan; keeps the session's allow-list setting in step whenever a plan is analysed,
     * because {@code DataStreamWriter} reads it before any query manager is asked, and because users
     * clear and change settings between queries.
     */
    private static final class AllowListRule extends Rule<LogicalPlan> {
        private final SparkSession session;
        private final boolean installed;

        AllowListRule(SparkSession session, boolean installed) {
            this.session = session;
            this.installed = installed;
        }

        @Override
        public LogicalPlan apply(LogicalPlan plan) {
            if (installed) {
                AllowList.synchronize(session.sessionState().conf());
            }
            return plan;
        }
    }
}
