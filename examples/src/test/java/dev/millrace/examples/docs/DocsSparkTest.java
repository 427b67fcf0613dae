package dev.millrace.examples.docs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.examples.ExampleTopics;
import dev.millrace.examples.SharedTopics;
import dev.millrace.examples.docs.Page.Block;
import dev.millrace.kafka.broker.LocalKafka;
import dev.millrace.spark.LocalSpark;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.apache.spark.sql.streaming.Trigger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Runs the Java and the SQL of the pages; queries that they start must run on Millrace and commit an epoch. */
@ExtendWith(SharedTopics.class)
@Timeout(180)
final class DocsSparkTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir
    private Path folder;

    private final ExampleTopics topics;
    private final LocalKafka kafka;
    private final SparkSession session;

    DocsSparkTest(ExampleTopics topics) {
        this.topics = topics;
        this.kafka = topics.kafka();
        this.session = kafka.session();
    }

    /** Where the pages' queries write to. */
    @BeforeAll
    static void createTopics(ExampleTopics topics) throws Exception {
        for (String topic : List.of("features", "alerts", "late")) {
            topics.kafka().createTopic(topic, 1);
        }
    }

    @AfterEach
    void stopQueries() throws Exception {
        for (StreamingQuery query : session.streams().active()) {
            query.stop();
        }
        session.streams().resetTerminated();
    }

    @Test
    void runsEveryJavaSnippet() throws Exception {
        List<Block> blocks = Page.blocks("java");
        Snippets snippets = new Snippets(
                folder,
                Map.of(
                        "broker:9092", kafka.bootstrap(),
                        "\"/checkpoints", "\"" + folder.resolve("checkpoints"),
                        "\"/data", "\"" + folder.resolve("data")));
        blocks.forEach(snippets::add);
        snippets.compile();
        List<CompletableFuture<Void>> running = new ArrayList<>();
        for (Block block : blocks) {
            if (block.isRunHere()) {
                running.add(run(block, snippets.runner(block)));
            }
        }
        // A snippet has ended well only once its query runs; a program of its own waits for its query.
        await().atMost(PATIENCE)
                .until(() -> running.stream().anyMatch(CompletableFuture::isCompletedExceptionally)
                        || session.streams().active().length >= running.size());
        awaitEpochs("java", List.of(session.streams().active()));
        stopQueries();
        for (CompletableFuture<Void> snippet : running) {
            snippet.get();
        }
    }

    private CompletableFuture<Void> run(Block block, Snippets.Runner runner) {
        return CompletableFuture.runAsync(() -> {
            try {
                runner.run(session, topics.payments(), topics.logins());
            } catch (Exception e) {
                throw new IllegalStateException("Cannot run " + block, e);
            }
        });
    }

    /** All statements first, so that their queries start beside each other. */
    @Test
    void runsEverySqlStatement() throws Exception {
        topics.payments().createOrReplaceTempView("payments");
        topics.logins().createOrReplaceTempView("logins");
        List<StreamingQuery> queries = new ArrayList<>();
        for (Block block : Page.blocks("sql")) {
            for (String statement : block.text().split(";", -1)) {
                if (block.isRunHere() && !statement.isBlank()) {
                    Dataset<Row> result = session.sql(statement);
                    if (result.isStreaming()) {
                        queries.add(start(result, block));
                    }
                }
            }
        }
        awaitEpochs("sql", queries);
    }

    /** In the output mode that the block names in a comment; update where it names none. */
    private static StreamingQuery start(Dataset<Row> rows, Block block) throws Exception {
        String mode = block.text().contains("-- append")
                ? "append"
                : block.text().contains("-- complete") ? "complete" : "update";
        return rows.writeStream()
                .format("noop")
                .queryName(block.toString())
                .outputMode(mode)
                .trigger(Trigger.RealTime("1 second"))
                .start();
    }

    /** Waits for the first progress of each. */
    private static void awaitEpochs(String what, List<StreamingQuery> queries) {
        for (StreamingQuery query : queries) {
            await(what).atMost(PATIENCE).until(() -> query.lastProgress() != null || !query.isActive());
            assertThat(query.exception().map(StreamingQueryException::toString))
                    .as(what)
                    .isEqualTo(scala.Option.empty());
            assertThat(LocalSpark.isOnMillrace(query)).as(what).isTrue();
        }
    }
}
