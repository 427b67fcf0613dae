package dev.millrace.spark.cluster;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import org.apache.spark.SparkEnv;
import org.apache.spark.serializer.SerializerInstance;
import org.jspecify.annotations.Nullable;
import scala.reflect.ClassTag;

/**
 * Objects of Spark's, of connectors and of the query, as bytes: positions, sinks' messages, errors. Spark's own
 * tasks send theirs to the driver in the same form. Both ends are processes of one application, which Spark has
 * authenticated.
 *
 * <p>Thread: any.
 */
final class ObjectBytes {
    private static final ClassTag<Object> ANY = ClassTag.apply(Object.class);

    private ObjectBytes() {}

    private static SerializerInstance serializer() {
        return SparkEnv.get().closureSerializer().newInstance();
    }

    static byte[] of(@Nullable Object value) {
        ByteBuffer buffer = serializer().serialize(value, ANY);
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return bytes;
    }

    /** @param loader sees the query's classes */
    static @Nullable Object from(byte[] bytes, ClassLoader loader) {
        return serializer().deserialize(ByteBuffer.wrap(bytes), loader, ANY);
    }

    /** An error, whatever it holds: what cannot travel is told in words. */
    static byte[] ofError(Throwable error) {
        try {
            return of(error);
        } catch (RuntimeException notSerializable) {
            return of(told(error));
        }
    }

    static Throwable error(byte[] bytes, ClassLoader loader) {
        try {
            Throwable error = (Throwable) from(bytes, loader);
            return error == null ? new IllegalStateException("A worker failed without an error.") : error;
        } catch (RuntimeException unreadable) {
            return new IllegalStateException("A worker failed with an error that the driver cannot read.", unreadable);
        }
    }

    private static Throwable told(Throwable error) {
        StringWriter stack = new StringWriter();
        error.printStackTrace(new PrintWriter(stack));
        String text = "%s (as text, because the error cannot be sent as it is)%n%s".formatted(error, stack);
        ErrorCode code = error instanceof MillraceException known ? known.code() : ErrorCode.USER_CODE;
        return new MillraceException(code, text);
    }
}
