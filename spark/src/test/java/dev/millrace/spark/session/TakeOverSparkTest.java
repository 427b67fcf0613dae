package dev.millrace.spark.session;

import static dev.millrace.spark.LocalSpark.isOnMillrace;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.LocalSpark.Collector;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryListener;
import org.apache.spark.sql.streaming.StreamingQueryManager;
import org.apache.spark.sql.streaming.Trigger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How Millrace gets into sessions of every kind, and out again. */
final class TakeOverSparkTest {
    private static final String EXTENSION = MillraceExtension.class.getName();

    private SparkSession session;

    @AfterEach
    void stop() {
        LocalSpark.stop(session);
    }

    @Test
    void takesOverByTheClassPathAlone() throws Exception {
        session = LocalSpark.start();

        assertRunsOnMillrace(session);
    }

    @Test
    void takesOverByNameAlone() throws Exception {
        session = LocalSpark.start(
                "local[2]", Map.of("spark.sql.extensions", EXTENSION, "spark.sql.extensions.test.loadFromCp", "false"));

        assertRunsOnMillrace(session);
    }

    @Test
    void isHarmlessWhenAppliedTwice() throws Exception {
        session = LocalSpark.start("local[2]", Map.of("spark.sql.extensions", EXTENSION + "," + EXTENSION));

        assertRunsOnMillrace(session);
    }

    @Test
    void takesOverNewAndClonedSessions() throws Exception {
        session = LocalSpark.start();

        assertRunsOnMillrace((SparkSession) session.newSession());
        assertRunsOnMillrace(session.cloneSession());
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void tellsListenersOnceWheneverTheyWereAdded(boolean before) throws Exception {
        session = LocalSpark.start();
        Events events = new Events();
        if (!before) {
            session.emptyDataFrame();
        }
        session.streams().addListener(events);
        StreamingQueryManager early = session.streams();

        StreamingQuery query = start(session, "listened", new Collector("listened"));
        await().until(() -> query.lastProgress() != null);
        assertThat(early.active()).hasSize(1);
        query.stop();

        await().until(() -> events.terminated.size() == 1);
        assertThat(events.started).containsExactly("listened");
        assertThat(events.progressed).isNotEmpty();
        assertThat(early.active()).isEmpty();
        early.awaitAnyTermination(10);
    }

    @Test
    void leavesOtherTriggersToSpark() throws Exception {
        session = LocalSpark.start();
        Collector collector = new Collector("other");
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 1);
        StreamingQuery query = LocalSpark.collecting(numbers.toDF(), collector)
                .trigger(Trigger.ProcessingTime(0))
                .start();
        LocalSpark.add(numbers, 1);
        query.processAllAvailable();

        assertThat(isOnMillrace(query)).isFalse();
        assertThat(collector.taken()).containsExactly(1L);
        query.stop();
    }

    @Test
    void restoresSparkWhenSwitchedOffBetweenQueries() throws Exception {
        session = LocalSpark.start();
        assertRunsOnMillrace(session);

        session.conf().set("spark.millrace.enabled", "false");
        assertThatThrownBy(() -> {
                    StreamingQuery query = start(session, "stock", new Collector("stock"));
                    query.stop();
                })
                .hasMessageContaining("INVALID_STREAMING_REAL_TIME_MODE_TRIGGER_INTERVAL");
        assertThatThrownBy(() -> LocalSpark.numbers(session, 1)
                        .toDF()
                        .writeStream()
                        .format("noop")
                        .option("checkpointLocation", "unused")
                        .outputMode("update")
                        .trigger(Trigger.RealTime("10 seconds"))
                        .start())
                .hasMessageContaining("ALLOWLIST");

        session.conf().set("spark.millrace.enabled", "true");
        assertRunsOnMillrace(session);
    }

    @Test
    void survivesSettingsBeingCleared() throws Exception {
        session = LocalSpark.start();
        assertRunsOnMillrace(session);
        session.sessionState().conf().clear();

        assertRunsOnMillrace(session);
    }

    @Test
    void endsQueriesWithTheApplication() throws Exception {
        session = LocalSpark.start();
        StreamingQuery query = start(session, "ends", new Collector("ends"));
        await().until(() -> query.lastProgress() != null);
        session.stop();

        await().until(() -> !query.isActive());
        assertThat(query.exception().isDefined()).isFalse();
        await().untilAsserted(() -> assertThat(Thread.getAllStackTraces().keySet())
                .extracting(Thread::getName)
                .noneMatch(name -> name.startsWith("millrace")));
    }

    private static void assertRunsOnMillrace(SparkSession session) throws Exception {
        Collector collector = new Collector("taken over");
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 2);
        StreamingQuery query = LocalSpark.collecting(numbers.toDF(), collector).start();
        try {
            assertThat(isOnMillrace(query)).isTrue();
            LocalSpark.add(numbers, 1, 2, 3);
            query.processAllAvailable();
            assertThat(collector.taken()).containsExactlyInAnyOrder(1L, 2L, 3L);
            assertThat(session.streams().active()).singleElement().isSameAs(query);
            assertThat(session.streams().get(query.id())).isSameAs(query);
        } finally {
            query.stop();
        }
        assertThat(session.streams().active()).isEmpty();
        assertThat(session.streams().get(query.id())).isNull();
    }

    private static StreamingQuery start(SparkSession session, String name, Collector collector) throws Exception {
        return LocalSpark.collecting(LocalSpark.numbers(session, 1).toDF(), collector)
                .queryName(name)
                .start();
    }

    /** Remembers the names of queries by what was told of them. */
    private static final class Events extends StreamingQueryListener {
        final List<String> started = new CopyOnWriteArrayList<>();
        final List<Long> progressed = new CopyOnWriteArrayList<>();
        final List<String> terminated = new CopyOnWriteArrayList<>();

        @Override
        public void onQueryStarted(QueryStartedEvent event) {
            started.add(event.name());
        }

        @Override
        public void onQueryProgress(QueryProgressEvent event) {
            progressed.add(event.progress().batchId());
        }

        @Override
        public void onQueryTerminated(QueryTerminatedEvent event) {
            terminated.add(event.id().toString());
        }
    }
}
