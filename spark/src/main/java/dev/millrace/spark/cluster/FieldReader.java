package dev.millrace.spark.cluster;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * Reads the fields of one message, in the layout of {@link FieldWriter}. A length is checked against what is
 * there before anything is kept for it.
 *
 * <p>Thread: one. Errors: CONNECTION_FAILED for what is no message of this version.
 */
final class FieldReader {
    private final ByteBuffer in;

    FieldReader(byte[] message) {
        in = ByteBuffer.wrap(message);
    }

    int kind() {
        require(1, "kind");
        return in.get();
    }

    boolean flag() {
        require(1, "flag");
        return in.get() != 0;
    }

    int number() {
        require(Integer.BYTES, "number");
        return in.getInt();
    }

    long longNumber() {
        require(Long.BYTES, "number");
        return in.getLong();
    }

    double fraction() {
        require(Double.BYTES, "number");
        return in.getDouble();
    }

    String text() {
        return new String(bytes(), StandardCharsets.UTF_8);
    }

    byte[] bytes() {
        int length = number();
        require(length, "bytes");
        byte[] value = new byte[length];
        in.get(value);
        return value;
    }

    /** @param leastBytes what an element takes at least, by which the count is judged */
    <T> List<T> list(int leastBytes, Function<FieldReader, T> element) {
        int count = number();
        if (count < 0 || count > in.remaining() / Math.max(1, leastBytes)) {
            throw malformed("list of %d elements".formatted(count));
        }
        List<T> values = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            values.add(element.apply(this));
        }
        return List.copyOf(values);
    }

    /** Nothing may be left. */
    void end() {
        if (in.hasRemaining()) {
            throw malformed("end");
        }
    }

    private void require(int sizeBytes, String what) {
        if (sizeBytes < 0 || sizeBytes > in.remaining()) {
            throw malformed("%s of %d bytes".formatted(what, sizeBytes));
        }
    }

    MillraceException malformed(String what) {
        return new MillraceException(
                ErrorCode.CONNECTION_FAILED,
                ("Cannot read a message between driver and worker: %s at byte=%d of %d. See that both run the same "
                                + "version of Millrace.")
                        .formatted(what, in.position(), in.limit()));
    }
}
