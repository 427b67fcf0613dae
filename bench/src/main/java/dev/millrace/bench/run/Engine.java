package dev.millrace.bench.run;

import java.util.Arrays;
import java.util.List;

/** What is measured: a runtime in a JVM of its own, on a class path of its own. */
public enum Engine {
    /** A loop written by hand, with nothing kept for recovery: what bounds the others. */
    BARE("bare", "bare loop", Runtime.PLAIN),

    /** Millrace's engine without Spark: what its expressions cost. */
    ENGINE("engine", "Millrace's engine alone", Runtime.SPARK),
    MILLRACE("millrace", "Millrace", Runtime.SPARK),

    /** Millrace on executors of a standalone master, which the measure starts. */
    MILLRACE_CLUSTER("millrace-cluster", "Millrace on two executors", Runtime.SPARK),

    /** Millrace under Spark's batch triggers. */
    MILLRACE_BOUNDED("millrace-bounded", "Millrace, bounded epochs", Runtime.SPARK),
    SPARK("spark", "Spark micro-batch", Runtime.SPARK),
    REAL_TIME_MODE("spark-rtm", "Spark Real-Time Mode", Runtime.SPARK),
    FLINK("flink", "Flink", Runtime.PEERS),

    /** Flink's SQL with mini-batch, its advice for throughput. */
    FLINK_MINI_BATCH("flink-mini-batch", "Flink, mini-batch", Runtime.PEERS),
    KAFKA_STREAMS("kafka-streams", "Kafka Streams", Runtime.PEERS);

    /** What an engine's JVM needs. */
    public enum Runtime {
        PLAIN,
        SPARK,
        PEERS
    }

    private final String id;
    private final String title;
    private final Runtime runtime;

    Engine(String id, String title, Runtime runtime) {
        this.id = id;
        this.title = title;
        this.runtime = runtime;
    }

    /** As in {@code --engines} and in results. */
    public String id() {
        return id;
    }

    public String title() {
        return title;
    }

    public Runtime runtime() {
        return runtime;
    }

    /** Errors: IllegalArgumentException with a message for the user. */
    public static Engine of(String id) {
        for (Engine engine : values()) {
            if (engine.id.equals(id)) {
                return engine;
            }
        }
        List<String> ids = Arrays.stream(values()).map(Engine::id).toList();
        throw new IllegalArgumentException("Cannot measure: unknown engine=%s. Choose from %s.".formatted(id, ids));
    }
}
