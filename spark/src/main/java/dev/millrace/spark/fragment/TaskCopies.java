package dev.millrace.spark.fragment;

import dev.millrace.spark.scala.Scala;
import java.io.Serializable;
import java.nio.ByteBuffer;
import org.apache.spark.SparkEnv;
import org.jspecify.annotations.Nullable;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/**
 * An object that every task gets a copy of its own of, as Spark's tasks do: expressions hold user
 * functions, random generators and buffers that two threads must not share. Copies are made through
 * Spark's closure serializer, in whatever process the task runs.
 *
 * <p>Thread: any.
 */
public final class TaskCopies<T> implements Serializable {
    private static final long serialVersionUID = 1L;

    private final byte[] bytes;

    /** Kept where it was made: a broadcast that the bytes only name is cleaned away once nobody holds it. */
    @SuppressWarnings("unused")
    private final transient @Nullable T original;

    private TaskCopies(byte[] bytes, @Nullable T original) {
        this.bytes = bytes;
        this.original = original;
    }

    /** Errors: Spark's own, naming the class, where the object cannot be serialized. */
    public static <T> TaskCopies<T> of(T original) {
        ByteBuffer buffer = SparkEnv.get().closureSerializer().newInstance().serialize(original, tag());
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return new TaskCopies<>(bytes, original);
    }

    /** What {@link #bytes} gave, perhaps in another process. */
    public static <T> TaskCopies<T> ofBytes(byte[] bytes) {
        return new TaskCopies<>(bytes, null);
    }

    /** The object as bytes, which are not to be changed. */
    public byte[] bytes() {
        return bytes;
    }

    /** A new copy; classes are sought with the thread's context class loader. */
    public T copy() {
        return copy(Thread.currentThread().getContextClassLoader());
    }

    /** A new copy, whose classes {@code loader} sees. */
    public T copy(ClassLoader loader) {
        return SparkEnv.get().closureSerializer().newInstance().<T>deserialize(ByteBuffer.wrap(bytes), loader, tag());
    }

    private static <T> ClassTag<T> tag() {
        return Scala.cast(ClassTag$.MODULE$.apply(Object.class));
    }
}
