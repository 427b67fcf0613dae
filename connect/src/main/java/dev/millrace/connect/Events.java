package dev.millrace.connect;

import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.apache.spark.sql.streaming.StreamingQueryListener;

/**
 * A listener on the client's side; keeps what it hears.
 *
 * <p>Thread: the client's for events, any for the questions.
 */
final class Events extends StreamingQueryListener {
    private static final long serialVersionUID = 1L;
    private static final long PATIENCE_SECONDS = 60;

    private final transient BlockingQueue<Event> heard = new LinkedBlockingQueue<>();

    @Override
    public void onQueryStarted(QueryStartedEvent event) {
        heard.add(event);
    }

    @Override
    public void onQueryProgress(QueryProgressEvent event) {
        heard.add(event);
    }

    @Override
    public void onQueryTerminated(QueryTerminatedEvent event) {
        heard.add(event);
    }

    /** Whether the start of a run was heard already. */
    boolean knowsStartOf(UUID runId) {
        return heard.stream()
                .anyMatch(event -> event instanceof QueryStartedEvent started
                        && started.runId().equals(runId));
    }

    /** The next progress of a run that is as wanted. */
    QueryProgressEvent awaitProgress(UUID runId, Predicate<QueryProgressEvent> wanted) throws InterruptedException {
        return await(QueryProgressEvent.class, event -> event.progress().runId().equals(runId) && wanted.test(event));
    }

    QueryTerminatedEvent awaitEnd(UUID runId) throws InterruptedException {
        return await(QueryTerminatedEvent.class, event -> event.runId().equals(runId));
    }

    /** Takes what was heard, in its order, up to what is wanted. */
    private <T extends Event> T await(Class<T> type, Predicate<T> wanted) throws InterruptedException {
        while (true) {
            Event event = heard.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
            if (event == null) {
                throw new IllegalStateException("nothing was heard for %d s".formatted(PATIENCE_SECONDS));
            }
            if (type.isInstance(event) && wanted.test(type.cast(event))) {
                return type.cast(event);
            }
        }
    }
}
