package dev.millrace.bench.peers.streams;

import dev.millrace.bench.workload.Transaction;
import dev.millrace.bench.workload.Workloads;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.jspecify.annotations.Nullable;

/** Count, sum and newest stamp per card and minute; an answer for each row. */
final class WindowCount extends ContextualProcessor<byte[], Transaction, byte[], byte[]> {
    private static final int STATE_BYTES = 3 * Long.BYTES;

    private @Nullable KeyValueStore<String, byte[]> totals;

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        super.init(context);
        totals = context.getStateStore(StreamsProgram.STORE);
    }

    @Override
    public void process(Record<byte[], Transaction> record) {
        Transaction row = record.value();
        KeyValueStore<String, byte[]> store = java.util.Objects.requireNonNull(totals, "init comes first");
        long started = row.created() - row.created() % Workloads.MINUTE_MICROS;
        String key = row.card() + "|" + started;
        byte[] before = store.get(key);
        long count = 1;
        double total = row.amount();
        long created = row.created();
        if (before != null) {
            ByteBuffer state = ByteBuffer.wrap(before);
            count += state.getLong();
            total += state.getDouble();
            created = Math.max(created, state.getLong());
        }
        store.put(
                key,
                ByteBuffer.allocate(STATE_BYTES)
                        .putLong(count)
                        .putDouble(total)
                        .putLong(created)
                        .array());
        String answer = "{\"card\":" + row.card() + ",\"started\":" + started + ",\"n\":" + count + ",\"total\":"
                + total + ",\"created\":" + created + "}";
        context().forward(record.withValue(answer.getBytes(StandardCharsets.UTF_8)));
    }
}
