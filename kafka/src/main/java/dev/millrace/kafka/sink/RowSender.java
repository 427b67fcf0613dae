package dev.millrace.kafka.sink;

import dev.millrace.spark.scala.Scala;
import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.apache.spark.sql.kafka010.KafkaExceptions$;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.types.UTF8String;
import org.jspecify.annotations.Nullable;
import scala.Option;

/**
 * Sends rows as the records that Spark's own writer makes of them. That one copies each row into another and decodes its
 * topic anew; here columns are taken from where they are, and a topic that stays the same is one text, whose hash the
 * producer asks for several times per record.
 *
 * <p>Thread: the writer's; what the broker answers comes on the producer's.
 *
 * <p>Errors: Spark's for a row without a topic; what the broker refused comes with the next call. Source: Spark's
 * KafkaRowWriter and KafkaWriter; columns and types are checked there, before a query starts.
 */
final class RowSender {
    private static final int NONE = -1;
    private static final int HEADER_FIELDS = 2;

    private final int topicColumn;
    private final int keyColumn;
    private final int valueColumn;
    private final int headersColumn;
    private final int partitionColumn;
    private final boolean isKeyBinary;
    private final boolean isValueBinary;
    private final Callback callback = (metadata, failure) -> fail(failure);

    /** The topic of all rows, or the last one's. */
    private @Nullable String topic;

    private @Nullable UTF8String topicText;
    private volatile @Nullable Exception failure;

    /** @param topic the option for all rows, which wins over a column, or none when each row names its own */
    RowSender(StructType schema, Option<String> topic) {
        this.topic = topic.isDefined() ? topic.get() : null;
        this.topicColumn = topic.isDefined() ? NONE : column(schema, "topic");
        this.keyColumn = column(schema, "key");
        this.valueColumn = column(schema, "value");
        this.headersColumn = column(schema, "headers");
        this.partitionColumn = column(schema, "partition");
        this.isKeyBinary = isBinary(schema, keyColumn);
        this.isValueBinary = isBinary(schema, valueColumn);
    }

    /** The first of the name, letter for letter, as Spark takes it. */
    private static int column(StructType schema, String name) {
        StructField[] fields = schema.fields();
        for (int i = 0; i < fields.length; i++) {
            if (fields[i].name().equals(name)) {
                return i;
            }
        }
        return NONE;
    }

    private static boolean isBinary(StructType schema, int column) {
        return column != NONE && schema.fields()[column].dataType() instanceof BinaryType;
    }

    void send(InternalRow row, KafkaProducer<byte[], byte[]> producer) {
        // What becomes of it the callback tells.
        var unused = producer.send(record(row), callback);
    }

    /** Throws what the broker answered, if it did not take a record. */
    void checkForErrors() {
        Exception refusal = failure;
        if (refusal != null) {
            throw Scala.sneaky(refusal);
        }
    }

    private void fail(@Nullable Exception refusal) {
        if (failure == null && refusal != null) {
            failure = refusal;
        }
    }

    private ProducerRecord<byte[], byte[]> record(InternalRow row) {
        String target = topicColumn == NONE ? topic : topicOf(row);
        if (target == null) {
            throw KafkaExceptions$.MODULE$.nullTopicInData();
        }
        byte[] key = bytes(row, keyColumn, isKeyBinary);
        byte[] value = bytes(row, valueColumn, isValueBinary);
        Integer partition = isNull(row, partitionColumn) ? null : (Integer) row.getInt(partitionColumn);
        return isNull(row, headersColumn)
                ? new ProducerRecord<>(target, partition, key, value)
                : new ProducerRecord<>(target, partition, key, value, headers(row.getArray(headersColumn)));
    }

    private @Nullable String topicOf(InternalRow row) {
        if (isNull(row, topicColumn)) {
            return null;
        }
        UTF8String text = row.getUTF8String(topicColumn);
        if (!text.equals(topicText)) {
            topicText = text.clone(); // The row's bytes are soon another row's.
            topic = text.toString();
        }
        return topic;
    }

    private static byte @Nullable [] bytes(InternalRow row, int column, boolean isBinary) {
        if (isNull(row, column)) {
            return null;
        }
        return isBinary ? row.getBinary(column) : row.getUTF8String(column).getBytes();
    }

    private static boolean isNull(InternalRow row, int column) {
        return column == NONE || row.isNullAt(column);
    }

    private static List<Header> headers(ArrayData array) {
        int count = array.numElements();
        List<Header> headers = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            InternalRow header = array.getStruct(i, HEADER_FIELDS);
            headers.add(new RecordHeader(header.getUTF8String(0).toString(), header.getBinary(1)));
        }
        return headers;
    }

    /** The query tells a stop from a failure by the exception's class, and does not know Kafka's. */
    static InterruptedIOException interrupted(InterruptException cause) {
        InterruptedIOException interrupted = new InterruptedIOException("Interrupted while writing to Kafka.");
        interrupted.initCause(cause);
        return interrupted;
    }
}
