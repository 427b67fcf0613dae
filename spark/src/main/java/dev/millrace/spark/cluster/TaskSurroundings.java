package dev.millrace.spark.cluster;

import dev.millrace.spark.thread.SparkTaskScopes;
import java.io.Serializable;
import java.util.Map;
import java.util.Properties;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.internal.SQLConf;
import scala.jdk.javaapi.CollectionConverters;

/**
 * What of a query's session the threads of its tasks must see, in whatever process they are.
 *
 * @param settings the session's SQL settings
 * @param localProperties what {@code TaskContext.getLocalProperty} gives
 */
public record TaskSurroundings(Map<String, String> settings, Properties localProperties) implements Serializable {
    public TaskSurroundings {
        settings = Map.copyOf(settings);
    }

    /** Those of a session as it is now. Thread: the query's. */
    public static TaskSurroundings of(SparkSession session) {
        return new TaskSurroundings(
                CollectionConverters.asJava(session.sessionState().conf().getAllConfs()),
                (Properties) session.sparkContext().getLocalProperties().clone());
    }

    /** @param loader sees the user's classes */
    public SparkTaskScopes scopes(ClassLoader loader) {
        SQLConf conf = new SQLConf();
        settings.forEach(conf::setConfString);
        return new SparkTaskScopes(conf, loader, localProperties);
    }
}
