package dev.millrace.bench.spark;

import dev.millrace.bench.workload.Clients;
import org.apache.spark.sql.streaming.StreamingQueryListener;

/** Prints {@code epoch <when>} for each epoch or batch that a query reports. */
public final class EpochListener extends StreamingQueryListener {
    @Override
    public void onQueryStarted(QueryStartedEvent event) {}

    @Override
    public void onQueryProgress(QueryProgressEvent event) {
        System.out.println("epoch " + Clients.nowMicros());
    }

    @Override
    public void onQueryTerminated(QueryTerminatedEvent event) {}
}
