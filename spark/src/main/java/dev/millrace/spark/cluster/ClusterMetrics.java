package dev.millrace.spark.cluster;

import dev.millrace.engine.metrics.DataflowMetrics;
import dev.millrace.engine.metrics.EventTimes;
import dev.millrace.engine.metrics.LatencyRecorder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Function;

/**
 * What a dataflow on several workers counts: the last sample of each. Samples come about once a second, and before
 * a worker's sinks have prepared an epoch.
 *
 * <p>Thread: any.
 */
final class ClusterMetrics implements DataflowMetrics {
    private final AtomicReferenceArray<MetricsSample> samples;
    private final LatencyRecorder latency = new LatencyRecorder();

    ClusterMetrics(int workers) {
        samples = new AtomicReferenceArray<>(workers);
    }

    void took(int worker, MetricsSample sample) {
        samples.set(worker, sample);
        latency.add(sample.latency());
    }

    private List<MetricsSample> known() {
        List<MetricsSample> known = new ArrayList<>();
        for (int i = 0; i < samples.length(); i++) {
            MetricsSample sample = samples.get(i);
            if (sample != null) {
                known.add(sample);
            }
        }
        return known;
    }

    private <T> List<T> all(Function<MetricsSample, List<T>> part) {
        return known().stream().flatMap(sample -> part.apply(sample).stream()).toList();
    }

    private Map<Integer, Long> sum(Function<MetricsSample, Map<Integer, Long>> part) {
        Map<Integer, Long> sum = new HashMap<>();
        known().forEach(sample -> part.apply(sample).forEach((stage, rows) -> sum.merge(stage, rows, Long::sum)));
        return sum;
    }

    @Override
    public Map<Integer, Long> rowsRead() {
        return sum(MetricsSample::rowsRead);
    }

    @Override
    public Map<Integer, Long> rowsWritten() {
        return sum(MetricsSample::rowsWritten);
    }

    @Override
    public List<OperatorSample> operators() {
        return all(MetricsSample::operators);
    }

    /** As of each worker's last sample, whatever the moment. */
    @Override
    public List<TaskSample> tasks(long nowNanos) {
        return all(MetricsSample::tasks);
    }

    private record Edge(int stageId, int inputIndex) {}

    @Override
    public List<ExchangeSample> exchanges() {
        Map<Edge, List<ExchangeSample>> edges = new LinkedHashMap<>();
        for (ExchangeSample part : all(MetricsSample::exchanges)) {
            edges.computeIfAbsent(new Edge(part.stageId(), part.inputIndex()), edge -> new ArrayList<>())
                    .add(part);
        }
        List<ExchangeSample> exchanges = new ArrayList<>();
        edges.forEach((edge, parts) -> exchanges.add(new ExchangeSample(
                edge.stageId(),
                edge.inputIndex(),
                parts.stream().mapToLong(ExchangeSample::rows).sum(),
                parts.stream().mapToDouble(ExchangeSample::meanFill).average().orElse(0),
                parts.stream().mapToDouble(ExchangeSample::maxFill).max().orElse(0))));
        return List.copyOf(exchanges);
    }

    @Override
    public List<PartitionSample> partitions() {
        return all(MetricsSample::partitions);
    }

    @Override
    public EventTimes eventTimes(long epoch) {
        return known().stream()
                .map(sample -> sample.eventTimes().get(epoch))
                .filter(Objects::nonNull)
                .reduce(EventTimes.NONE, EventTimes::plus);
    }

    @Override
    public long watermarkMicros() {
        return known().stream().mapToLong(MetricsSample::watermarkMicros).min().orElse(Long.MIN_VALUE);
    }

    @Override
    public LatencyRecorder latency() {
        return latency;
    }
}
