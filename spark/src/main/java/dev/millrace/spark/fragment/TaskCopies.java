package dev.millrace.spark.fragment;

import java.io.Serializable;
import dev.millrace.spark.scala.Scala;
import java.nio.ByteBuffer;
import org.apache.spark.SparkEnv;
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

    private TaskCopies(byte[] bytes) {
        this.bytes = bytes;
    }

    /** Errors: Spark's own, naming the class, where the object cannot be serialized. */
    public static <T> TaskCopies<T> of(T original) {
        ByteBuffer buffer = SparkEnv.get().closureSerializer().newInstance().serialize(original, tag());
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return new TaskCopies<>(bytes);
    }

    /** A new copy; classes are sought with the thread's context class loader. */
    public T copy() {
        return copy(Thread.currentThread().getContextClassLoader());
    }

    /** A new copy, whose classes {@code loader} sees. */
    public T copy(ClassLoader loader) {
        return SparkEnv.get()
                .closureSerializer()
                .newInstance()
                .<T>deserialize(ByteBuffer.wrap(bytes), loader, tag());
    }

    private static <T> ClassTag<T> tag() {
        return Scala.cast(ClassTag$.MODULE$.apply(Object.class));
    }
}
