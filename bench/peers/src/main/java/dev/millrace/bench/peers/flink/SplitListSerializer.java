package dev.millrace.bench.peers.flink;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** Splits that no reader has yet, one behind the other. */
final class SplitListSerializer implements SimpleVersionedSerializer<List<GeneratorSplit>> {
    private static final int SPLIT_BYTES = Integer.BYTES + Long.BYTES;

    @Override
    public int getVersion() {
        return 1;
    }

    @Override
    public byte[] serialize(List<GeneratorSplit> splits) {
        ByteBuffer buffer = ByteBuffer.allocate(splits.size() * SPLIT_BYTES);
        splits.forEach(split -> buffer.putInt(split.partition()).putLong(split.given()));
        return buffer.array();
    }

    @Override
    public List<GeneratorSplit> deserialize(int version, byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        List<GeneratorSplit> splits = new ArrayList<>();
        while (buffer.hasRemaining()) {
            splits.add(new GeneratorSplit(buffer.getInt(), buffer.getLong()));
        }
        return splits;
    }
}
