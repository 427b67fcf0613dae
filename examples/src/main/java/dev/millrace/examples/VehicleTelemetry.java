package dev.millrace.examples;

import static org.apache.spark.sql.functions.broadcast;
import static org.apache.spark.sql.functions.expr;

import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.types.StructType;

/**
 * Where are the vehicles, and which of them say nothing any more? For a dispatcher who wants to hear at once that a vehicle
 * came into a zone, left it, fell silent or is back.
 *
 * <p>A geofence is a join with a static table of zones by a condition on the position. {@link VehicleWatch} keeps for
 * each vehicle the zone and the time of its last position, and a timer for its silence. Look for {@code silent}: it
 * comes though the vehicle sends nothing, ten seconds behind its last position by the clock of the others' events.
 *
 * <p>{@code bin/example VehicleTelemetry}; with {@code --broker host:port} it reads the topic {@code positions}.
 */
public final class VehicleTelemetry {
    static final String POSITIONS = "vehicle STRING, latitude DOUBLE, longitude DOUBLE, sent_at TIMESTAMP";
    private static final StructType EVENT =
            StructType.fromDDL("vehicle STRING, event STRING, zone STRING, at TIMESTAMP");

    private VehicleTelemetry() {}

    /** Options as {@link ExampleStreams} has them. */
    public static void main(String[] arguments) throws Exception {
        SparkSession spark = SparkSession.builder().appName("vehicle telemetry").getOrCreate();
        // Spark's own engine keeps this kind of state in RocksDB only; Millrace has its own and does not look at this.
        spark.conf()
                .set(
                        "spark.sql.streaming.stateStore.providerClass",
                        "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider");
        ExampleStreams streams = ExampleStreams.of(spark, arguments);
        Dataset<Row> positions = streams.events("positions", POSITIONS, 20, VehicleTelemetry::madeUpPositions);
        streams.print(events(positions, zones(spark)));
    }

    /** What happened to each vehicle, in its order. */
    static Dataset<Row> events(Dataset<Row> positions, Dataset<Row> zones) {
        return positions
                .withWatermark("sent_at", "2 seconds")
                .join(
                        broadcast(zones),
                        expr("latitude BETWEEN south AND north AND longitude BETWEEN west AND east"),
                        "left_outer")
                .select("vehicle", "zone", "sent_at")
                .groupByKey((MapFunction<Row, String>) row -> row.getString(0), Encoders.STRING())
                .transformWithState(new VehicleWatch(), TimeMode.EventTime(), OutputMode.Append(), Encoders.row(EVENT));
    }

    /** Zones are boxes that do not overlap. */
    static Dataset<Row> zones(SparkSession spark) {
        return spark.sql(
                """
                SELECT * FROM VALUES
                  ('harbour', 53.52, 53.55, 9.90, 9.98),
                  ('airport', 53.62, 53.64, 9.97, 10.02),
                  ('depot',   53.56, 53.58, 10.03, 10.08)
                  AS zones(zone, south, north, west, east)""");
    }

    /** Twenty vehicles that drive in circles; each sends once a second, and now and then one is silent for a while. */
    static Dataset<Row> madeUpPositions(Dataset<Row> ticks) {
        return ticks.selectExpr("int(value % 20) AS number", "value div 20 AS second", "timestamp")
                .filter("pmod(hash(number, second div 15), 8) <> 0")
                .selectExpr(
                        "concat('v', number) AS vehicle",
                        "53.58 + 0.06 * sin(number + second / 10D) AS latitude",
                        "9.99 + 0.09 * cos(number + second / 10D) AS longitude",
                        "timestamp AS sent_at");
    }
}
