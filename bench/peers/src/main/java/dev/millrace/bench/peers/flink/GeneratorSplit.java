package dev.millrace.bench.peers.flink;

import java.nio.ByteBuffer;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** A partition, and how many rows it has given. */
record GeneratorSplit(int partition, long given) implements SourceSplit {
    @Override
    public String splitId() {
        return Integer.toString(partition);
    }

    /** Twelve bytes: partition, rows. */
    static final class Serializer implements SimpleVersionedSerializer<GeneratorSplit> {
        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(GeneratorSplit split) {
            return ByteBuffer.allocate(Integer.BYTES + Long.BYTES)
                    .putInt(split.partition())
                    .putLong(split.given())
                    .array();
        }

        @Override
        public GeneratorSplit deserialize(int version, byte[] bytes) {
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            return new GeneratorSplit(buffer.getInt(), buffer.getLong());
        }
    }
}
