package dev.millrace.examples.demo;

import dev.millrace.kafka.broker.KafkaBroker;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * Starts a Kafka broker, a Spark program with two real-time queries over card transactions, a generator
 * and a measuring consumer, and prints what the consumer sees. Each of broker and Spark has a JVM of its
 * own; generator and consumer share this one.
 */
public final class Demo {
    /** On the class path; sends log lines to the file in {@code example.log}. */
    static final String LOG_CONFIGURATION = "log4j2-file.properties";

    private Demo() {}

    /** Options as in {@link DemoOptions#USAGE}. */
    public static void main(String[] arguments) throws Exception {
        List<String> words = Arrays.asList(arguments);
        if (words.contains("--help")) {
            System.out.print(DemoOptions.USAGE);
            return;
        }
        DemoOptions options;
        try {
            options = DemoOptions.parse(words);
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage());
            System.err.print(DemoOptions.USAGE);
            System.exit(2);
            return;
        }
        Path folder = Files.createTempDirectory("millrace-demo-");
        Path logs = Files.createDirectory(folder.resolve("logs"));
        System.setProperty("log4j2.configurationFile", LOG_CONFIGURATION);
        System.setProperty("example.log", logs.resolve("demo.log").toString());
        StopSignal stop = StopSignal.install();
        int exitCode = run(options, stop, folder, logs);
        if (exitCode == 0) {
            KafkaBroker.deleteTree(folder);
        }
        stop.exit(exitCode);
    }

    private static int run(DemoOptions options, StopSignal stop, Path folder, Path logs) {
        DemoRun run = new DemoRun(options, stop, folder, logs);
        try (run) {
            stop.interruptsCaller(true);
            run.start();
            stop.interruptsCaller(false);
            run.measure();
            System.out.println();
            System.out.println("stopping");
        } catch (InterruptedException e) {
            System.out.println("stopped before it had started");
            return 0;
        } catch (DemoException e) {
            System.err.println(e.getMessage());
            return 1;
        } catch (Exception e) {
            System.err.println(e.getMessage() == null ? e.toString() : e.getMessage());
            System.err.println("Logs are in " + logs + ".");
            return 1;
        } finally {
            stop.interruptsCaller(false);
        }
        if (run.isWarmUpOnly()) {
            System.out.println("it was stopped within the warm-up, which the percentiles are of");
        }
        System.out.println(run.summary());
        return 0;
    }
}
