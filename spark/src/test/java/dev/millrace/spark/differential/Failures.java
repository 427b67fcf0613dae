package dev.millrace.spark.differential;

import dev.millrace.spark.batches.BatchesProvider;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;

/**
 * Lets the parts of a running query fail on purpose, each once when it is armed, in whichever of its processes: what is
 * armed stands in files, and one process alone takes such a file away. Thread: any.
 *
 * @param folder where the files are, on a disk that all processes see
 */
record Failures(String folder) implements BatchesProvider.Witness {
    private static final long serialVersionUID = 1L;

    /** What can fail. */
    enum Place {
        READ,
        /** User code within a task. */
        TASK,
        WRITE,
        /** Before the sink has an epoch, or when it has it but nobody knows yet. */
        COMMIT
    }

    /** How often this process came to a place since it was armed, by the text in its file. */
    private static final Map<String, AtomicInteger> CALLS = new ConcurrentHashMap<>();

    private static final String MESSAGE = "a failure on purpose";

    /** Lets a place fail after so many more calls in one process. */
    void arm(Place place, int calls) throws IOException {
        Path written = Path.of(folder, UUID.randomUUID().toString());
        Files.writeString(written, calls + " " + written);
        Files.move(written, at(place), StandardCopyOption.REPLACE_EXISTING);
    }

    void disarm() throws IOException {
        for (Place place : Place.values()) {
            boolean unused = Files.deleteIfExists(at(place));
        }
    }

    private void reached(Place place) throws IOException {
        Path file = at(place);
        if (!Files.exists(file)) {
            return;
        }
        String armed;
        try {
            armed = Files.readString(file);
        } catch (NoSuchFileException e) { // which failed elsewhere in this moment
            return;
        }
        int after = Integer.parseInt(armed.substring(0, armed.indexOf(' ')));
        int calls = CALLS.computeIfAbsent(armed, unused -> new AtomicInteger()).getAndIncrement();
        if (calls >= after && Files.deleteIfExists(file)) {
            CALLS.remove(armed);
            throw new IOException(MESSAGE);
        }
    }

    private Path at(Place place) {
        return Path.of(folder, place.name());
    }

    @Override
    public void reading() throws IOException {
        reached(Place.READ);
    }

    @Override
    public void writing() throws IOException {
        reached(Place.WRITE);
    }

    @Override
    public void committing() throws IOException {
        reached(Place.COMMIT);
    }

    /** Arms what an event stands for, if it stands for a failure. @param number decides when it comes */
    void arm(Case.Event event, int number) throws IOException {
        switch (event) {
            case FAILED_READ -> arm(Place.READ, number % 23);
            case FAILED_TASK -> arm(Place.TASK, number % 23);
            case FAILED_WRITE -> arm(Place.WRITE, number % 7);
            case FAILED_COMMIT -> arm(Place.COMMIT, number % 4);
            default -> {}
        }
    }

    /** Whether it was one of these that ended a query. */
    static boolean isOnPurpose(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (String.valueOf(cause.getMessage()).contains(MESSAGE)) {
                return true;
            }
        }
        return false;
    }

    /** A condition that is true, unless user code is to fail. */
    Column passing() {
        return functions
                .udf(new Passing(this), DataTypes.BooleanType)
                .asNondeterministic()
                .apply(functions.lit(1));
    }

    private record Passing(Failures failures) implements UDF1<Integer, Boolean> {
        private static final long serialVersionUID = 1L;

        @Override
        public Boolean call(Integer unused) throws IOException {
            failures.reached(Place.TASK);
            return true;
        }
    }
}
