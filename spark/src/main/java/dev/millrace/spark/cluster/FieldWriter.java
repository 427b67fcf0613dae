package dev.millrace.spark.cluster;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.BiConsumer;

/**
 * Writes the fields of one message, for {@link FieldReader}.
 *
 * <p>Layout, the most significant byte first: numbers as they are; a text (UTF-8), bytes or a list behind its
 * length or count of four bytes. Thread: one.
 */
final class FieldWriter {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final DataOutputStream out = new DataOutputStream(bytes);

    FieldWriter kind(int value) {
        return write(() -> out.writeByte(value));
    }

    FieldWriter flag(boolean value) {
        return write(() -> out.writeBoolean(value));
    }

    FieldWriter number(int value) {
        return write(() -> out.writeInt(value));
    }

    FieldWriter number(long value) {
        return write(() -> out.writeLong(value));
    }

    FieldWriter number(double value) {
        return write(() -> out.writeDouble(value));
    }

    FieldWriter text(String value) {
        return bytes(value.getBytes(StandardCharsets.UTF_8));
    }

    FieldWriter bytes(byte[] value) {
        return write(() -> {
            out.writeInt(value.length);
            out.write(value);
        });
    }

    <T> FieldWriter list(List<T> values, BiConsumer<FieldWriter, T> element) {
        FieldWriter unused = number(values.size());
        values.forEach(value -> element.accept(this, value));
        return this;
    }

    byte[] toBytes() {
        return bytes.toByteArray();
    }

    private interface Write {
        void run() throws IOException;
    }

    private FieldWriter write(Write field) {
        try {
            field.run();
        } catch (IOException e) {
            throw new UncheckedIOException(e); // an array in memory never throws it
        }
        return this;
    }
}
