package dev.millrace.bench.engine;

import dev.millrace.engine.operator.Output;
import org.openjdk.jmh.infra.Blackhole;

/** An output that is never full and keeps the compiler from leaving rows out. */
record BlackholeOutput(Blackhole blackhole) implements Output {
    @Override
    public boolean isFull() {
        return false;
    }

    @Override
    public void emit(byte[] bytes, int offset, int sizeBytes) {
        blackhole.consume(bytes[offset]);
    }
}
