package dev.millrace.spark.cluster;

import dev.millrace.engine.metrics.EventTimes;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.SectionKey;
import dev.millrace.engine.snapshot.SnapshotFile;
import dev.millrace.engine.snapshot.StoredSnapshot;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What a worker tells the driver. All but {@link Heartbeat} and {@link Reached} belong to one attempt.
 *
 * <p>Layout: incarnation 8 | kind 1 | attempt, text | the record's other fields in their order; see {@link
 * FieldWriter}. What is bytes here are objects of Spark's or of the query's: positions, messages, errors.
 */
sealed interface WorkerReport {
    String attempt();

    /** It is there. */
    record Heartbeat() implements WorkerReport {
        @Override
        public String attempt() {
            return "";
        }
    }

    record Deployed(String attempt) implements WorkerReport {}

    record Connected(String attempt) implements WorkerReport {}

    /** @param alive the names of threads that go on, because code that they run heeds no interrupt */
    record Stopped(String attempt, List<String> alive) implements WorkerReport {}

    /** @see dev.millrace.engine.task.TaskReports#sourcePositions */
    record Positions(
            String attempt,
            int stageId,
            int taskIndex,
            long epoch,
            List<Integer> partitionIndexes,
            byte[] positions,
            long rowsRead)
            implements WorkerReport {}

    /** The worker's tasks go by a bounded epoch's time and watermark from now on. */
    record Begun(String attempt, long epoch) implements WorkerReport {}

    /** @see dev.millrace.engine.task.TaskReports#portionEnded */
    record PortionEnded(String attempt, int stageId, long portion, long maxMicros) implements WorkerReport {}

    /** The event times of a bounded epoch, by the watermarks' names; comes before the epoch is complete. */
    record EventTimesSeen(String attempt, Map<String, EventTimes> times) implements WorkerReport {
        public EventTimesSeen {
            times = Map.copyOf(times);
        }
    }

    /** @see dev.millrace.engine.task.TaskReports#barrierTaken */
    record BarrierTaken(String attempt, int stageId, int taskIndex, long epoch) implements WorkerReport {}

    /** @see dev.millrace.engine.task.TaskReports#sinkPrepared */
    record SinkPrepared(String attempt, int stageId, int taskIndex, long epoch, byte[] message, long rowsWritten)
            implements WorkerReport {}

    /** @see dev.millrace.engine.task.TaskReports#observed */
    record Observed(String attempt, OperatorId operator, long epoch, byte[] observation) implements WorkerReport {}

    /** @see dev.millrace.engine.task.TaskReports#snapshotStored */
    record SnapshotStored(String attempt, long epoch, StoredSnapshot snapshot) implements WorkerReport {}

    /** The attempt is over, because of this error. */
    record Failed(String attempt, String where, byte[] error) implements WorkerReport {}

    /**
     * The attempt is over, because this worker cannot exchange rows with another one.
     *
     * @param peer the other one's number in the attempt
     */
    record CutOff(String attempt, int peer, byte[] error) implements WorkerReport {}

    /** A {@link Command.Probe} found the other worker, which has this incarnation. Of no attempt. */
    record Reached(long incarnation) implements WorkerReport {
        @Override
        public String attempt() {
            return "";
        }
    }

    /** What the worker's part has counted so far. */
    record Sampled(String attempt, byte[] sample) implements WorkerReport {}

    default byte[] toBytes(long incarnation) {
        FieldWriter to = new FieldWriter().number(incarnation);
        if (this instanceof Heartbeat) {
            return to.kind(1).text("").toBytes();
        } else if (this instanceof Deployed) {
            return to.kind(2).text(attempt()).toBytes();
        } else if (this instanceof Connected) {
            return to.kind(3).text(attempt()).toBytes();
        } else if (this instanceof Stopped stopped) {
            return to.kind(4)
                    .text(attempt())
                    .list(stopped.alive(), FieldWriter::text)
                    .toBytes();
        } else if (this instanceof Positions positions) {
            return to.kind(5)
                    .text(attempt())
                    .number(positions.stageId())
                    .number(positions.taskIndex())
                    .number(positions.epoch())
                    .list(positions.partitionIndexes(), (writer, index) -> writer.number((int) index))
                    .bytes(positions.positions())
                    .number(positions.rowsRead())
                    .toBytes();
        } else if (this instanceof BarrierTaken taken) {
            return to.kind(6)
                    .text(attempt())
                    .number(taken.stageId())
                    .number(taken.taskIndex())
                    .number(taken.epoch())
                    .toBytes();
        } else if (this instanceof SinkPrepared prepared) {
            return to.kind(7)
                    .text(attempt())
                    .number(prepared.stageId())
                    .number(prepared.taskIndex())
                    .number(prepared.epoch())
                    .bytes(prepared.message())
                    .number(prepared.rowsWritten())
                    .toBytes();
        } else if (this instanceof Observed observed) {
            return to.kind(8)
                    .text(attempt())
                    .number(observed.operator().stageId())
                    .number(observed.operator().operatorIndex())
                    .number(observed.epoch())
                    .bytes(observed.observation())
                    .toBytes();
        } else if (this instanceof SnapshotStored stored) {
            return to.kind(9)
                    .text(attempt())
                    .number(stored.epoch())
                    .text(stored.snapshot().file())
                    .list(stored.snapshot().index(), WorkerReport::write)
                    .toBytes();
        } else if (this instanceof Failed failed) {
            return to.kind(10)
                    .text(attempt())
                    .text(failed.where())
                    .bytes(failed.error())
                    .toBytes();
        }
        if (this instanceof CutOff cutOff) {
            return to.kind(12)
                    .text(attempt())
                    .number(cutOff.peer())
                    .bytes(cutOff.error())
                    .toBytes();
        } else if (this instanceof Reached reached) {
            return to.kind(13).text("").number(reached.incarnation()).toBytes();
        }
        return isOfPortions()
                ? ofPortions(to)
                : to.kind(11).text(attempt()).bytes(((Sampled) this).sample()).toBytes();
    }

    private boolean isOfPortions() {
        return this instanceof Begun || this instanceof PortionEnded || this instanceof EventTimesSeen;
    }

    private byte[] ofPortions(FieldWriter to) {
        if (this instanceof Begun begun) {
            return to.kind(14).text(attempt()).number(begun.epoch()).toBytes();
        } else if (this instanceof PortionEnded ended) {
            return to.kind(15)
                    .text(attempt())
                    .number(ended.stageId())
                    .number(ended.portion())
                    .number(ended.maxMicros())
                    .toBytes();
        }
        return to.kind(16)
                .text(attempt())
                .list(new ArrayList<>(((EventTimesSeen) this).times().entrySet()), (writer, seen) -> {
                    FieldWriter unused = writer.text(seen.getKey())
                            .number(seen.getValue().count())
                            .number(seen.getValue().minMicros())
                            .number(seen.getValue().maxMicros())
                            .number(seen.getValue().averageMicros());
                })
                .toBytes();
    }

    private static Map<String, EventTimes> eventTimes(FieldReader from) {
        Map<String, EventTimes> times = new HashMap<>();
        from.list(EVENT_TIMES_BYTES, field -> {
            String watermark = field.text();
            times.put(
                    watermark,
                    new EventTimes(field.longNumber(), field.longNumber(), field.longNumber(), field.fraction()));
            return watermark;
        });
        return times;
    }

    private static void write(FieldWriter to, SnapshotFile.Entry entry) {
        SectionKey key = entry.key();
        FieldWriter unused = to.number(key.operator().stageId())
                .number(key.operator().operatorIndex())
                .number(key.stateIndex())
                .number(key.keyGroup())
                .flag(entry.base())
                .number(entry.offset())
                .number(entry.packedBytes())
                .number(entry.rawBytes())
                .number(entry.crc());
    }

    private static SnapshotFile.Entry entry(FieldReader from) {
        SectionKey key = new SectionKey(new OperatorId(from.number(), from.number()), from.number(), from.number());
        return new SnapshotFile.Entry(key, from.flag(), from.longNumber(), from.number(), from.number(), from.number());
    }

    /** A report and whose it is. */
    record Sent(long incarnation, WorkerReport report) {}

    static Sent fromBytes(byte[] message) {
        FieldReader from = new FieldReader(message);
        long incarnation = from.longNumber();
        int kind = from.kind();
        String attempt = from.text();
        WorkerReport report =
                switch (kind) {
                    case 1 -> new Heartbeat();
                    case 2 -> new Deployed(attempt);
                    case 3 -> new Connected(attempt);
                    case 4 -> new Stopped(attempt, from.list(Integer.BYTES, FieldReader::text));
                    case 5 ->
                        new Positions(
                                attempt,
                                from.number(),
                                from.number(),
                                from.longNumber(),
                                from.list(Integer.BYTES, FieldReader::number),
                                from.bytes(),
                                from.longNumber());
                    case 6 -> new BarrierTaken(attempt, from.number(), from.number(), from.longNumber());
                    case 7 ->
                        new SinkPrepared(
                                attempt,
                                from.number(),
                                from.number(),
                                from.longNumber(),
                                from.bytes(),
                                from.longNumber());
                    case 8 ->
                        new Observed(
                                attempt, new OperatorId(from.number(), from.number()), from.longNumber(), from.bytes());
                    case 9 ->
                        new SnapshotStored(
                                attempt,
                                from.longNumber(),
                                new StoredSnapshot(from.text(), from.list(SNAPSHOT_ENTRY_BYTES, WorkerReport::entry)));
                    case 10 -> new Failed(attempt, from.text(), from.bytes());
                    case 11 -> new Sampled(attempt, from.bytes());
                    case 12 -> new CutOff(attempt, from.number(), from.bytes());
                    case 13 -> new Reached(from.longNumber());
                    case 14 -> new Begun(attempt, from.longNumber());
                    case 15 -> new PortionEnded(attempt, from.number(), from.longNumber(), from.longNumber());
                    case 16 -> new EventTimesSeen(attempt, eventTimes(from));
                    default -> throw from.malformed("report of kind=%d".formatted(kind));
                };
        from.end();
        return new Sent(incarnation, report);
    }

    /** What an entry of a snapshot's index takes. */
    int SNAPSHOT_ENTRY_BYTES = 37;

    /** What a watermark's event times take at least. */
    int EVENT_TIMES_BYTES = 36;
}
