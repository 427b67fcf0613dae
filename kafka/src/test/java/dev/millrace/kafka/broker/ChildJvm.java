package dev.millrace.kafka.broker;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A JVM that this one starts, talks to by lines, and takes along when it ends.
 *
 * <p>The child's standard input is a pipe that this JVM holds open: when it is closed, or this JVM is
 * gone, the child reads its end and stops ({@link #awaitParent}). The child ignores the terminal's
 * interrupt, so that Ctrl-C reaches the parent alone and the parent decides the order of the end.
 *
 * <p>Thread: {@link #close} by one owner, the rest by any.
 */
public final class ChildJvm implements AutoCloseable {
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(20);

    /** Lines that nobody has taken yet; beyond this the oldest are dropped, so that memory is bounded. */
    private static final int MAX_LINES = 10_000;

    /**
     * What is started.
     *
     * @param name for messages and the reading thread
     * @param jvmOptions options in front of the main class
     * @param classPath where the main class is found
     * @param mainClass what runs
     * @param arguments of the main class
     * @param wrapper a program with its options that starts the JVM, such as one that binds it to cores; or nothing
     */
    public record Command(
            String name,
            List<String> jvmOptions,
            String classPath,
            String mainClass,
            List<String> arguments,
            List<String> wrapper) {
        /** On this JVM's class path, by itself. */
        public Command(String name, List<String> jvmOptions, String mainClass, List<String> arguments) {
            this(name, jvmOptions, System.getProperty("java.class.path"), mainClass, arguments, List.of());
        }
    }

    private final String name;
    private final Process process;
    private final Path log;
    private final Object monitor = new Object();
    private final Deque<String> lines = new ArrayDeque<>();
    private boolean ended;

    private ChildJvm(String name, Process process, Path log) {
        this.name = name;
        this.process = process;
        this.log = log;
    }

    /** Starts the child; what it writes to standard error is appended to {@code log}. */
    public static ChildJvm start(Command command, Path log) throws IOException {
        List<String> words = new ArrayList<>(List.of("sh", "-c", "trap '' INT; exec \"$@\"", "sh"));
        words.addAll(command.wrapper());
        words.add(System.getProperty("java.home") + File.separator + "bin" + File.separator + "java");
        words.addAll(command.jvmOptions());
        words.add("-cp");
        words.add(command.classPath());
        words.add(command.mainClass());
        words.addAll(command.arguments());
        Process process = new ProcessBuilder(words)
                .redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start();
        ChildJvm child = new ChildJvm(command.name(), process, log);
        Thread reader = new Thread(child::readLines, command.name() + " output");
        reader.setDaemon(true);
        reader.start();
        return child;
    }

    /** For the child: returns when the parent closed it or is gone. */
    public static void awaitParent() throws IOException {
        byte[] ignored = new byte[256];
        while (System.in.read(ignored) >= 0) {
            // Only the end of the input says anything.
        }
    }

    /** The next line that the child printed, or null when it printed none in time or has ended. */
    public @Nullable String nextLine(Duration timeout) throws InterruptedException {
        long deadline = System.nanoTime() + timeout.toNanos();
        synchronized (monitor) {
            while (lines.isEmpty()) {
                long millis = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                if (ended || millis <= 0) {
                    return null;
                }
                monitor.wait(millis);
            }
            return lines.removeFirst();
        }
    }

    /** The first line that {@code wanted} accepts; lines before it are dropped. */
    public String awaitLine(Predicate<String> wanted, Duration timeout) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + timeout.toNanos();
        String last = "nothing";
        while (true) {
            String line = nextLine(Duration.ofNanos(Math.max(0, deadline - System.nanoTime())));
            if (line != null && wanted.test(line)) {
                return line;
            }
            if (line == null) {
                String state = hasEnded() ? "it ended" : "no answer in " + timeout.toSeconds() + " s";
                throw new IOException(
                        "Cannot start the %s: %s, last line=%s. See %s.".formatted(name, state, last, log));
            }
            last = line;
        }
    }

    /** Whether its output is at its end: the process itself may be there for a moment longer. */
    private boolean hasEnded() {
        synchronized (monitor) {
            return ended;
        }
    }

    /** Ends the child's standard input, which asks it to stop; does not wait. */
    public void endInput() throws IOException {
        process.getOutputStream().close();
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    /** Ends a child that has nothing to finish, at once, and waits for its end. */
    public void kill() {
        process.destroyForcibly();
        close();
    }

    /** Ends the child's input, waits for its end, and kills it when it does not come. */
    @Override
    public void close() {
        boolean interrupted = Thread.interrupted();
        try {
            process.getOutputStream().close();
            if (!process.waitFor(STOP_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException e) {
            interrupted = true;
            process.destroyForcibly();
        } catch (IOException e) {
            // The pipe is already broken: the child has ended or is about to.
            process.destroyForcibly();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void readLines() {
        try (BufferedReader reader =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                add(line);
            }
        } catch (IOException e) {
            // The stream ends with the process; one that was killed may break it instead.
            add("output lost: " + e.getMessage());
        } finally {
            synchronized (monitor) {
                ended = true;
                monitor.notifyAll();
            }
        }
    }

    private void add(String line) {
        synchronized (monitor) {
            if (lines.size() == MAX_LINES) {
                lines.removeFirst();
            }
            lines.addLast(line);
            monitor.notifyAll();
        }
    }
}
