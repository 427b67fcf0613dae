package dev.millrace.bench.latency;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Base64;
import java.util.zip.DataFormatException;
import org.HdrHistogram.Histogram;

/**
 * One engine's turn.
 *
 * @param rowsIn records that the broker took from the generator
 * @param rowsOut records that the probe read
 * @param histogram latencies in microseconds, as the probe encoded them
 */
record LatencyResult(Engine engine, Work work, int round, long rowsIn, long rowsOut, String histogram) {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    Histogram latency() {
        try {
            ByteBuffer bytes = ByteBuffer.wrap(Base64.getDecoder().decode(histogram));
            return Histogram.decodeFromCompressedByteBuffer(bytes, 0);
        } catch (DataFormatException e) {
            throw new IllegalStateException("Cannot read the probe's histogram: engine=%s.".formatted(engine), e);
        }
    }

    /** One line for the results file. */
    String toJson(LatencyOptions options, String heap) throws JsonProcessingException {
        Histogram latency = latency();
        ObjectNode node = MAPPER.createObjectNode()
                .put("run", "latency")
                .put("time", Instant.now().toString())
                .put("engine", engine.id())
                .put("settings", engine.settings())
                .put("work", work.name())
                .put("round", round)
                .put("rate", options.rate())
                .put("seconds", options.seconds())
                .put("warmUpSeconds", options.warmUpSeconds())
                .put("heap", heap)
                .put("java", Runtime.version().toString())
                .put("cores", Runtime.getRuntime().availableProcessors())
                .put("rowsIn", rowsIn)
                .put("rowsOut", rowsOut)
                .put("measured", latency.getTotalCount());
        for (double percentile : new double[] {50, 90, 99, 99.9, 100}) {
            String name = percentile == 100 ? "maxMicros" : "p%sMicros".formatted(trim(percentile));
            node.put(name, latency.getValueAtPercentile(percentile));
        }
        return MAPPER.writeValueAsString(node.put("histogram", histogram));
    }

    private static String trim(double percentile) {
        return percentile == Math.rint(percentile) ? Long.toString((long) percentile) : Double.toString(percentile);
    }
}
