package dev.millrace.spark.cluster;

import dev.millrace.engine.metrics.DataflowMetrics;
import dev.millrace.engine.metrics.DataflowMetrics.ExchangeSample;
import dev.millrace.engine.metrics.DataflowMetrics.OperatorSample;
import dev.millrace.engine.metrics.DataflowMetrics.PartitionSample;
import dev.millrace.engine.metrics.DataflowMetrics.TaskSample;
import dev.millrace.engine.metrics.EventTimes;
import dev.millrace.engine.metrics.StateSize;
import dev.millrace.engine.metrics.StepClock;
import dev.millrace.engine.metrics.WatermarkMetrics;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.DataFormatException;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * What one worker's part of a dataflow has counted up to a moment.
 *
 * @param eventTimes of the last epochs, and of the one under way
 * @param latency since the sample before
 */
record MetricsSample(
        Map<Integer, Long> rowsRead,
        Map<Integer, Long> rowsWritten,
        List<OperatorSample> operators,
        List<TaskSample> tasks,
        List<ExchangeSample> exchanges,
        List<PartitionSample> partitions,
        Map<Long, EventTimes> eventTimes,
        long watermarkMicros,
        Histogram latency) {
    /** An epoch may be asked for until it is committed, when two more can be under way. */
    private static final int EPOCHS = 4;

    /** @param epoch the last one whose barrier was asked for */
    static MetricsSample of(DataflowMetrics metrics, Histogram latency, long epoch, long nowNanos) {
        Map<Long, EventTimes> eventTimes = new HashMap<>();
        for (long asked = Math.max(0, epoch + 2 - EPOCHS); asked <= epoch + 1; asked++) {
            eventTimes.put(asked, metrics.eventTimes(asked));
        }
        return new MetricsSample(
                metrics.rowsRead(),
                metrics.rowsWritten(),
                metrics.operators(),
                metrics.tasks(nowNanos),
                metrics.exchanges(),
                metrics.partitions(),
                eventTimes,
                metrics.watermarkMicros(),
                latency);
    }

    byte[] toBytes() {
        FieldWriter to = new FieldWriter();
        counts(to, rowsRead);
        counts(to, rowsWritten);
        ByteBuffer packed = ByteBuffer.allocate(latency.getNeededByteBufferCapacity());
        int packedBytes = latency.encodeIntoCompressedByteBuffer(packed);
        return to.list(operators, MetricsSample::write)
                .list(tasks, MetricsSample::write)
                .list(exchanges, MetricsSample::write)
                .list(partitions, MetricsSample::write)
                .list(new ArrayList<>(eventTimes.entrySet()), (writer, times) -> writer.number((long) times.getKey())
                        .number(times.getValue().count())
                        .number(times.getValue().minMicros())
                        .number(times.getValue().maxMicros())
                        .number(times.getValue().averageMicros()))
                .number(watermarkMicros)
                .bytes(java.util.Arrays.copyOf(packed.array(), packedBytes))
                .toBytes();
    }

    static MetricsSample fromBytes(byte[] bytes) {
        FieldReader from = new FieldReader(bytes);
        Map<Integer, Long> rowsRead = counts(from);
        Map<Integer, Long> rowsWritten = counts(from);
        List<OperatorSample> operators = from.list(80, MetricsSample::operator);
        List<TaskSample> tasks = from.list(52, MetricsSample::task);
        List<ExchangeSample> exchanges = from.list(
                32,
                field -> new ExchangeSample(
                        field.number(), field.number(), field.longNumber(), field.fraction(), field.fraction()));
        List<PartitionSample> partitions = from.list(17, MetricsSample::partition);
        Map<Long, EventTimes> eventTimes = new HashMap<>();
        from.list(40, field -> {
            long epoch = field.longNumber();
            eventTimes.put(
                    epoch,
                    new EventTimes(field.longNumber(), field.longNumber(), field.longNumber(), field.fraction()));
            return epoch;
        });
        MetricsSample sample = new MetricsSample(
                rowsRead,
                rowsWritten,
                operators,
                tasks,
                exchanges,
                partitions,
                eventTimes,
                from.longNumber(),
                histogram(from));
        from.end();
        return sample;
    }

    private static Histogram histogram(FieldReader from) {
        try {
            return Histogram.decodeFromCompressedByteBuffer(ByteBuffer.wrap(from.bytes()), 0);
        } catch (DataFormatException e) {
            throw from.malformed("latencies");
        }
    }

    private static void counts(FieldWriter to, Map<Integer, Long> rows) {
        FieldWriter unused =
                to.list(new ArrayList<>(rows.entrySet()), (writer, stage) -> writer.number((int) stage.getKey())
                        .number((long) stage.getValue()));
    }

    private static Map<Integer, Long> counts(FieldReader from) {
        Map<Integer, Long> rows = new HashMap<>();
        from.list(12, field -> {
            int stage = field.number();
            rows.put(stage, field.longNumber());
            return stage;
        });
        return rows;
    }

    private static void write(FieldWriter to, OperatorSample operator) {
        StateSize state = operator.state();
        FieldWriter unused = to.number(operator.stageId())
                .number(operator.operatorIndex())
                .number(operator.taskIndex())
                .text(operator.name())
                .number(state.rows())
                .number(state.memoryBytes())
                .number(state.spilledRows())
                .number(state.spilledBytes())
                .number(operator.rowsUpdated())
                .number(operator.rowsRemoved())
                .number(operator.rowsDroppedByWatermark())
                .number(operator.rowsDroppedAsDuplicates());
    }

    private static OperatorSample operator(FieldReader from) {
        return new OperatorSample(
                from.number(),
                from.number(),
                from.number(),
                from.text(),
                new StateSize(from.longNumber(), from.longNumber(), from.longNumber(), from.longNumber()),
                from.longNumber(),
                from.longNumber(),
                from.longNumber(),
                from.longNumber());
    }

    private static void write(FieldWriter to, TaskSample task) {
        FieldWriter unused = to.number(task.stageId())
                .number(task.taskIndex())
                .text(task.loop())
                .number(task.rowsTaken())
                .number(task.times().busyNanos())
                .number(task.times().backPressuredNanos())
                .number(task.times().atNanos())
                .number(task.watermarkMicros());
    }

    private static TaskSample task(FieldReader from) {
        return new TaskSample(
                from.number(),
                from.number(),
                from.text(),
                from.longNumber(),
                new StepClock.Times(from.longNumber(), from.longNumber(), from.longNumber()),
                from.longNumber());
    }

    private static void write(FieldWriter to, ExchangeSample exchange) {
        FieldWriter unused = to.number(exchange.stageId())
                .number(exchange.inputIndex())
                .number(exchange.rows())
                .number(exchange.meanFill())
                .number(exchange.maxFill());
    }

    private static void write(FieldWriter to, PartitionSample partition) {
        WatermarkMetrics.Partition watermark = partition.watermark();
        FieldWriter unused = to.number(partition.stageId())
                .number(partition.partitionIndex())
                .number(partition.queueFill())
                .flag(watermark != null);
        if (watermark != null) {
            unused = to.number(watermark.maxEventTimeMicros()).flag(watermark.isIdle());
        }
    }

    private static PartitionSample partition(FieldReader from) {
        return new PartitionSample(from.number(), from.number(), from.fraction(), watermark(from));
    }

    private static WatermarkMetrics.@Nullable Partition watermark(FieldReader from) {
        return from.flag() ? new WatermarkMetrics.Partition(from.longNumber(), from.flag()) : null;
    }
}
