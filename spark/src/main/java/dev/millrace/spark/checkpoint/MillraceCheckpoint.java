package dev.millrace.spark.checkpoint;

import dev.millrace.engine.error.MillraceException;
import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkConf;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.jspecify.annotations.Nullable;

/**
 * The program {@code millrace-checkpoint}: shows a query's checkpoint, checks it, copies an epoch of it elsewhere. It
 * changes nothing in the checkpoint; the query may be running.
 *
 * <p>Runs with Spark's class path, on any file system that Hadoop's configuration there, or {@code spark.hadoop.*}, names.
 */
public final class MillraceCheckpoint {
    private static final String USAGE =
            """
            Usage: millrace-checkpoint COMMAND CHECKPOINT [...]
              inspect CHECKPOINT [--epoch N]         what it holds: epochs, and of one the offsets, operators and files
              verify  CHECKPOINT [--epoch N]         reads every byte as a restart would; ends with 1 if any is damaged
              export  CHECKPOINT FOLDER [--epoch N]  copies an epoch into a checkpoint of its own, to go on from there
            CHECKPOINT is a query's checkpointLocation. Without --epoch: the last committed one; for verify all.
            """;

    private static final int FAILED = 1;
    private static final int MISUSED = 2;

    private final Configuration configuration;
    private final PrintStream output;
    private final PrintStream errors;

    MillraceCheckpoint(Configuration configuration, PrintStream output, PrintStream errors) {
        this.configuration = configuration;
        this.output = output;
        this.errors = errors;
    }

    /** Ends the process with 0, with 1 when the checkpoint is damaged or cannot be read, with 2 when misused. */
    public static void main(String[] words) {
        Configuration configuration = SparkHadoopUtil.get().newConfiguration(new SparkConf());
        System.exit(new MillraceCheckpoint(configuration, System.out, System.err).run(words));
    }

    /** What was asked for. */
    private record Request(String command, List<String> places, @Nullable Long epoch) {
        static @Nullable Request of(String... words) {
            List<String> places = new ArrayList<>();
            Long epoch = null;
            for (int i = 0; i < words.length; i++) {
                if (words[i].equals("--epoch") && i + 1 < words.length && isNumber(words[i + 1])) {
                    epoch = Long.parseLong(words[++i]);
                } else if (words[i].startsWith("--")) {
                    return null;
                } else {
                    places.add(words[i]);
                }
            }
            String command = places.isEmpty() ? "" : places.remove(0);
            int wanted =
                    switch (command) {
                        case "inspect", "verify" -> 1;
                        case "export" -> 2;
                        default -> -1;
                    };
            return places.size() == wanted ? new Request(command, places, epoch) : null;
        }

        private static boolean isNumber(String word) {
            return word.matches("\\d{1,18}");
        }
    }

    /** The exit code. */
    int run(String... words) {
        Request request = Request.of(words);
        if (request == null) {
            errors.print(USAGE);
            return MISUSED;
        }
        try {
            return run(request);
        } catch (MillraceException | IOException e) {
            errors.println(e.getMessage());
            return FAILED;
        }
    }

    private int run(Request request) throws IOException {
        StoredCheckpoint checkpoint = StoredCheckpoint.open(request.places().get(0), configuration);
        Long asked = request.epoch();
        if (request.command().equals("verify")) {
            return new CheckpointVerification(checkpoint, output).run(asked) ? 0 : FAILED;
        }
        long epoch = asked == null ? checkpoint.lastCommitted() : asked;
        if (request.command().equals("inspect")) {
            new CheckpointInspection(checkpoint, output).print(epoch);
        } else {
            String target = request.places().get(1);
            new Savepoint(checkpoint, configuration).write(epoch, target);
            output.printf(
                    "Epoch %d is in %s. Start a query with the same operators there: checkpointLocation=%s%n",
                    epoch, target, target);
        }
        return 0;
    }
}
