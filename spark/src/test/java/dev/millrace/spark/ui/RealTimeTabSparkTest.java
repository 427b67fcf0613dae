package dev.millrace.spark.ui;

import static dev.millrace.spark.LocalSpark.every;
import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.LocalSpark.Collector;
import dev.millrace.spark.scala.Scala;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.streaming.StreamingQueryListener;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** When the tab comes into an application's web UI. */
@Timeout(120)
final class RealTimeTabSparkTest {
    private static SparkSession session;

    @BeforeAll
    static void start() {
        session = LocalSpark.start("local[2]", Map.of("spark.ui.enabled", "true", "spark.ui.port", "0"));
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    private static boolean hasTab() {
        return Scala.list(session.sparkContext().ui().get().getTabs()).stream().anyMatch(RealTimeTab.class::isInstance);
    }

    /** Tells what is there when a query has just started, which its own thread says before it runs anything. */
    private static final class AtTheStart extends StreamingQueryListener {
        private final AtomicBoolean hadTab = new AtomicBoolean();

        @Override
        public void onQueryStarted(QueryStartedEvent event) {
            hadTab.set(hasTab());
        }

        @Override
        public void onQueryProgress(QueryProgressEvent event) {}

        @Override
        public void onQueryTerminated(QueryTerminatedEvent event) {}
    }

    @Test
    void isThereWhenAQueryStarts() throws Exception {
        AtTheStart listener = new AtTheStart();
        session.streams().addListener(listener);
        LocalSpark.collecting(LocalSpark.numbers(session, 1).toDF(), new Collector("tab"))
                .trigger(every(1_000))
                .start()
                .stop();
        assertThat(listener.hadTab).isTrue();
    }
}
