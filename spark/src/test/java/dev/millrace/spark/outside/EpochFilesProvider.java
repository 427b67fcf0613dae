package dev.millrace.spark.outside;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Stream;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.catalog.SupportsWrite;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.catalog.TableProvider;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.connector.write.DataWriter;
import org.apache.spark.sql.connector.write.LogicalWriteInfo;
import org.apache.spark.sql.connector.write.PhysicalWriteInfo;
import org.apache.spark.sql.connector.write.Write;
import org.apache.spark.sql.connector.write.WriteBuilder;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.apache.spark.sql.connector.write.streaming.StreamingDataWriterFactory;
import org.apache.spark.sql.connector.write.streaming.StreamingWrite;
import org.apache.spark.sql.internal.connector.SupportsStreamingUpdateAsAppend;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * A sink that takes an epoch's rows of two longs as one file; a second commit of the same epoch must be
 * the same. Option: {@code path}, a folder. Springs the traps {@code write}, {@code prepare}, {@code
 * commit} and, with the file in place, {@code committed}.
 */
public final class EpochFilesProvider implements TableProvider {
    @Override
    public boolean supportsExternalMetadata() {
        return true;
    }

    @Override
    public StructType inferSchema(CaseInsensitiveStringMap options) {
        return new StructType();
    }

    @Override
    public Table getTable(StructType schema, Transform[] partitioning, Map<String, String> properties) {
        return new FilesTable(schema, Path.of(new CaseInsensitiveStringMap(properties).get("path")));
    }

    /** The rows of all epochs in order, as {@code key,value}. */
    public static List<String> lines(Path folder) throws IOException {
        TreeMap<Long, List<String>> byEpoch = new TreeMap<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString();
                if (!name.startsWith(".")) {
                    byEpoch.put(Long.parseLong(name), Files.readAllLines(file));
                }
            }
        }
        return byEpoch.values().stream().flatMap(List::stream).toList();
    }

    private record FilesTable(StructType rows, Path folder) implements Table, SupportsWrite {
        @Override
        public String name() {
            return "epoch files";
        }

        @Override
        @SuppressWarnings("deprecation") // Spark asks for the schema in this form too
        public StructType schema() {
            return rows;
        }

        @Override
        public Set<TableCapability> capabilities() {
            return Set.of(TableCapability.STREAMING_WRITE);
        }

        @Override
        public WriteBuilder newWriteBuilder(LogicalWriteInfo info) {
            return new FilesBuilder(folder);
        }
    }

    private record FilesBuilder(Path folder) implements WriteBuilder, SupportsStreamingUpdateAsAppend {
        @Override
        public Write build() {
            return new Write() {
                @Override
                public StreamingWrite toStreaming() {
                    return new FilesWrite(folder);
                }
            };
        }
    }

    private record FilesWrite(Path folder) implements StreamingWrite {
        @Override
        public StreamingDataWriterFactory createStreamingWriterFactory(PhysicalWriteInfo info) {
            return new Writers();
        }

        @Override
        public boolean useCommitCoordinator() {
            return false;
        }

        @Override
        public void commit(long epoch, WriterCommitMessage[] messages) {
            Traps.pass("commit");
            StringBuilder text = new StringBuilder();
            for (WriterCommitMessage message : messages) {
                ((Lines) message).lines().forEach(line -> text.append(line).append('\n'));
            }
            try {
                store(folder.resolve(Long.toString(epoch)), text.toString());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            Traps.pass("committed");
        }

        private static void store(Path file, String text) throws IOException {
            if (Files.exists(file) && !Files.readString(file).equals(text)) {
                throw new AssertionError("epoch %s was committed twice, differently".formatted(file.getFileName()));
            }
            Files.createDirectories(file.getParent());
            Path whole = file.resolveSibling("." + UUID.randomUUID());
            Files.writeString(whole, text);
            Files.move(whole, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        }

        @Override
        public void abort(long epoch, WriterCommitMessage[] messages) {}
    }

    private record Lines(ArrayList<String> lines) implements WriterCommitMessage {}

    private record Writers() implements StreamingDataWriterFactory {
        @Override
        public DataWriter<InternalRow> createWriter(int partition, long task, long epoch) {
            return new Writer();
        }
    }

    private static final class Writer implements DataWriter<InternalRow> {
        private final ArrayList<String> lines = new ArrayList<>();

        @Override
        public void write(InternalRow row) {
            Traps.pass("write");
            lines.add(row.getLong(0) + "," + row.getLong(1));
        }

        @Override
        public WriterCommitMessage commit() {
            Traps.pass("prepare");
            return new Lines(lines);
        }

        @Override
        public void abort() {}

        @Override
        public void close() {}
    }
}
