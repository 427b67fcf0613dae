package dev.millrace.spark.checkpoint;

import dev.millrace.spark.scala.Scala;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableProvider;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.sources.DataSourceRegister;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * The format {@code millrace-state}: the keyed state of one operator, in one committed epoch of a query's checkpoint. The
 * query may be running.
 *
 * <p>Options: {@code path}, the query's checkpointLocation; {@code epoch}, else the last committed one; {@code operator}
 * and {@code state}, as {@code millrace-state-metadata} names them, where there are several.
 *
 * <p>Errors: UNSUPPORTED_CHECKPOINT, STATE_CORRUPT.
 */
public final class StateTableProvider implements TableProvider, DataSourceRegister {
    @Override
    public String shortName() {
        return "millrace-state";
    }

    @Override
    public StructType inferSchema(CaseInsensitiveStringMap options) {
        return table(options).schema();
    }

    @Override
    public Table getTable(StructType schema, Transform[] partitioning, Map<String, String> properties) {
        return table(new CaseInsensitiveStringMap(properties));
    }

    private static StateTable table(CaseInsensitiveStringMap options) {
        Configuration configuration = configuration(options);
        String location = StateSelection.location(options);
        try {
            StoredCheckpoint checkpoint = StoredCheckpoint.open(location, configuration);
            return new StateTable(checkpoint, configuration, StateSelection.of(checkpoint, options));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Hadoop's configuration for a read with options of its own. */
    static Configuration configuration(CaseInsensitiveStringMap options) {
        return SparkSession.active()
                .sessionState()
                .newHadoopConfWithOptions(Scala.<String, String>immutableMap(options.asCaseSensitiveMap()));
    }
}
