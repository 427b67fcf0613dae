package dev.millrace.connectors;

import static dev.millrace.spark.LocalSpark.every;
import static org.apache.spark.sql.functions.col;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.spark.LocalSpark;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Iterator;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.apache.spark.api.java.function.ForeachPartitionFunction;
import org.apache.spark.api.java.function.VoidFunction2;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Counts that a real-time query merges into a table of a real PostgreSQL. */
@Timeout(180)
@EnabledOnOs(value = OS.LINUX, architectures = "amd64", disabledReason = "the tests have PostgreSQL for this alone")
final class PostgresSparkTest {
    @TempDir
    private static Path databaseFolder;

    @TempDir
    private Path folder;

    private static EmbeddedPostgres postgres;
    private static SparkSession session;

    @BeforeAll
    static void start() throws Exception {
        // As root it runs in a user namespace of its own, because PostgreSQL refuses to be root.
        postgres = EmbeddedPostgres.builder()
                .setOverrideWorkingDirectory(databaseFolder.toFile())
                .start();
        session = LocalSpark.start();
    }

    @AfterAll
    static void stop() throws Exception {
        LocalSpark.stop(session);
        postgres.close();
    }

    @BeforeEach
    void createTable() throws SQLException {
        execute("DROP TABLE IF EXISTS counts");
        execute("CREATE TABLE counts (key bigint PRIMARY KEY, n bigint NOT NULL CHECK (n < 1000), epoch bigint)");
    }

    @AfterEach
    void stopQueries() throws Exception {
        for (StreamingQuery query : session.streams().active()) {
            query.stop();
        }
    }

    @Test
    void mergesEachEpochsCounts() throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 2);
        StreamingQuery query = count(numbers);
        LocalSpark.add(numbers, LongStream.range(0, 100).toArray());
        patiently().untilAsserted(() -> assertThat(counts()).isEqualTo(Map.of(0L, 34L, 1L, 33L, 2L, 33L)));
        LocalSpark.add(numbers, 0, 1, 2, 2);
        query.processAllAvailable();
        query.stop();
        assertThat(counts()).isEqualTo(Map.of(0L, 35L, 1L, 34L, 2L, 35L));

        StreamingQuery again = count(numbers);
        LocalSpark.add(numbers, 0);
        again.processAllAvailable();
        again.stop();
        assertThat(counts()).isEqualTo(Map.of(0L, 36L, 1L, 34L, 2L, 35L));
    }

    @Test
    void goesOnOnceTheDatabaseTakesItsRows() throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 2);
        StreamingQuery query = count(numbers);
        LocalSpark.add(numbers, 0);
        query.processAllAvailable();
        LocalSpark.add(numbers, new long[1_000]);
        patiently().untilAsserted(() -> assertThat(query.status().message())
                .contains("Recovering from a failure")
                .contains("counts_n_check"));
        assertThat(counts()).isEqualTo(Map.of(0L, 1L));

        execute("ALTER TABLE counts DROP CONSTRAINT counts_n_check");
        patiently().untilAsserted(() -> assertThat(counts()).isEqualTo(Map.of(0L, 1_001L)));
        query.stop();
    }

    private static ConditionFactory patiently() {
        return await().atMost(60, TimeUnit.SECONDS);
    }

    private StreamingQuery count(LowLatencyMemoryStream<Long> numbers) throws Exception {
        Upsert upsert = new Upsert(url());
        return numbers.toDF()
                .groupBy(col("value").mod(3).as("key"))
                .count()
                .writeStream()
                .outputMode("update")
                .option("checkpointLocation", folder.resolve("checkpoint").toString())
                .trigger(every(200))
                .foreachBatch(
                        (VoidFunction2<Dataset<Row>, Long>) (rows, epoch) -> rows.foreachPartition(upsert.of(epoch)))
                .start();
    }

    /** Merges rows into the table, each partition's in one transaction. */
    record Upsert(String url) implements java.io.Serializable {
        ForeachPartitionFunction<Row> of(long epoch) {
            return rows -> merge(rows, epoch);
        }

        private void merge(Iterator<Row> rows, long epoch) throws SQLException {
            try (Connection connection = DriverManager.getConnection(url)) {
                connection.setAutoCommit(false);
                try (PreparedStatement upsert =
                        connection.prepareStatement("INSERT INTO counts (key, n, epoch) VALUES (?, ?, ?)"
                                + " ON CONFLICT (key) DO UPDATE SET n = excluded.n, epoch = excluded.epoch")) {
                    while (rows.hasNext()) {
                        Row row = rows.next();
                        upsert.setLong(1, row.getLong(0));
                        upsert.setLong(2, row.getLong(1));
                        upsert.setLong(3, epoch);
                        upsert.addBatch();
                    }
                    int[] unused = upsert.executeBatch();
                }
                connection.commit();
            }
        }
    }

    private static String url() {
        return postgres.getJdbcUrl("postgres", "postgres");
    }

    private static void execute(String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url());
                Statement statement = connection.createStatement()) {
            boolean unused = statement.execute(sql);
        }
    }

    private static Map<Long, Long> counts() throws SQLException {
        Map<Long, Long> counts = new TreeMap<>();
        try (Connection connection = DriverManager.getConnection(url());
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SELECT key, n FROM counts")) {
            while (rows.next()) {
                counts.put(rows.getLong(1), rows.getLong(2));
            }
        }
        return counts;
    }
}
