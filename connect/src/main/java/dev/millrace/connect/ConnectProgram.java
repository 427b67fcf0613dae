package dev.millrace.connect;

import java.nio.file.Path;
import java.util.Map;
import org.apache.spark.sql.SparkSession;

/**
 * Starts real-time queries on a Connect server from the outside, and prints what it sees of them, as lines of
 * tab-separated words: {@code <scenario> <fact> <value>}, at last {@code done}.
 *
 * <p>Takes the server's address ({@code sc://host:port}), the jar that holds this program, whose classes the server needs
 * for the functions in the queries, and a folder that the server writes to and this program reads.
 */
public final class ConnectProgram {
    private ConnectProgram() {}

    public static void main(String[] arguments) {
        try {
            run(arguments[0], arguments[1], Path.of(arguments[2]));
            System.out.println("done");
        } catch (Exception e) {
            e.printStackTrace();
            System.exit(1); // the client's threads would keep the process
        }
    }

    private static void run(String address, String jar, Path folder) throws Exception {
        SparkSession spark = connect(address, jar);
        Events events = new Events();
        spark.streams().addListener(events);
        Scenarios scenarios = new Scenarios(spark, events, folder);
        scenarios.realTime();
        scenarios.batches();
        scenarios.keyedState();
        scenarios.failingFunction();
        scenarios.refusal();
        scenarios.endOfSession(connect(address, jar));
        spark.streams().removeListener(events);
        spark.close();
    }

    /** A session of its own on the server, with this program's classes. */
    private static SparkSession connect(String address, String jar) {
        SparkSession spark = SparkSession.builder().remote(address).create();
        spark.addArtifact(jar);
        Map.of("spark.sql.shuffle.partitions", "4", "spark.millrace.loops", "2")
                .forEach((name, value) -> spark.conf().set(name, value));
        return spark;
    }
}
