package dev.millrace.spark.sink;

import dev.millrace.engine.epoch.Ballot;
import dev.millrace.engine.epoch.SinkCommit;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The sinks of one query, which commit an epoch together: where its rows go, and where its late rows go.
 * Each gets its own messages; what one has committed stays when another fails, and is committed again.
 *
 * <p>Layout of an epoch's messages, the most significant byte first:
 * <pre>
 *   0         4       8
 *   +---------+-------+----------------------------------------------+
 *   | version | sinks | for each: name (as modified UTF-8), size, bytes |
 *   +---------+-------+----------------------------------------------+
 * </pre>
 *
 * <p>Thread: the query's.
 */
public final class QuerySinks implements SinkCommit {
    private static final int VERSION = 1;
    private static final String MAIN = "main";
    private static final String LATE = "late";

    private final Map<String, SparkSink> sinks = new LinkedHashMap<>();

    public QuerySinks(SparkSink main, @Nullable SparkSink late) {
        sinks.put(MAIN, main);
        if (late != null) {
            sinks.put(LATE, late);
        }
    }

    /**
     * Opens the writes of an attempt's first epoch.
     *
     * @param taskCount how many writers each of them has
     */
    public void open(long epoch, int taskCount) {
        sinks.values().forEach(sink -> sink.open(epoch, taskCount));
    }

    /**
     * What commits an epoch, as bytes.
     *
     * @param late the messages of late rows; empty where the query has no operator that drops any
     */
    public byte[] pack(long epoch, List<@Nullable Object> main, List<@Nullable Object> late) {
        Map<String, List<@Nullable Object>> messages = new LinkedHashMap<>();
        messages.put(MAIN, main);
        if (!late.isEmpty()) {
            messages.put(LATE, late);
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeInt(VERSION);
            out.writeInt(messages.size());
            for (Map.Entry<String, List<@Nullable Object>> entry : messages.entrySet()) {
                byte[] packed = sink(epoch, entry.getKey()).pack(epoch, entry.getValue());
                out.writeUTF(entry.getKey());
                out.writeInt(packed.length);
                out.write(packed);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    @Override
    public void commit(long epoch, byte[] messages) {
        unpack(epoch, messages).forEach((name, packed) -> sink(epoch, name).commit(epoch, packed));
    }

    private static Map<String, byte[]> unpack(long epoch, byte[] messages) {
        Map<String, byte[]> ofSinks = new LinkedHashMap<>();
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(messages))) {
            int version = in.readInt();
            if (version != VERSION) {
                throw new MillraceException(
                        ErrorCode.UNSUPPORTED_CHECKPOINT,
                        "Cannot commit epoch=%d: its messages have format version=%d, known=%d. Use the Millrace version that wrote it."
                                .formatted(epoch, version, VERSION));
            }
            for (int left = in.readInt(); left > 0; left--) {
                String name = in.readUTF();
                ofSinks.put(name, in.readNBytes(in.readInt()));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return ofSinks;
    }

    private SparkSink sink(long epoch, String name) {
        SparkSink sink = sinks.get(name);
        if (sink == null) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_SETTING,
                    ("Cannot commit epoch=%d: it was decided with late rows for a sink, and none is set. Start the query "
                                    + "once with the spark.millrace.late settings that it had.")
                            .formatted(epoch));
        }
        return sink;
    }

    @Override
    public Runnable unfinished(long firstEpoch, Ballot ballot) {
        Map<SparkSink, Runnable> found = new LinkedHashMap<>();
        sinks.values().forEach(sink -> found.put(sink, sink.unfinished(firstEpoch, ballot)));
        return () -> ofAll(sink -> Objects.requireNonNull(found.get(sink)).run());
    }

    /** Ends an attempt; see {@link SparkSink#abort}. */
    public void abort(long epoch) {
        ofAll(sink -> sink.abort(epoch));
    }

    /** Each of them, whatever becomes of another. */
    private void ofAll(Consumer<SparkSink> action) {
        RuntimeException failure = null;
        for (SparkSink sink : sinks.values()) {
            try {
                action.accept(sink);
            } catch (RuntimeException e) {
                if (failure == null) {
                    failure = e;
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }
}
