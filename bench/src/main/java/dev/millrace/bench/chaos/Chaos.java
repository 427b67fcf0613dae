package dev.millrace.bench.chaos;

import dev.millrace.kafka.broker.KafkaBroker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Where {@code bin/chaos} arrives. Its exit code is 0 only when no answer is lost, doubled, wrong or out of order. */
public final class Chaos {
    private Chaos() {}

    public static void main(String[] arguments) throws InterruptedException {
        System.exit(run(Arrays.asList(arguments)));
    }

    private static int run(List<String> words) throws InterruptedException {
        if (words.contains("--help")) {
            System.out.print(ChaosOptions.USAGE);
            return 0;
        }
        try {
            ChaosOptions options = ChaosOptions.parse(words, new Random().nextInt(1_000_000));
            Path folder = Files.createTempDirectory("millrace-chaos-");
            System.setProperty("log4j2.configurationFile", "log4j2-file.properties");
            System.setProperty("bench.log", folder.resolve("chaos.log").toString());
            System.out.println("seed=%d, logs in %s".formatted(options.seed(), folder));
            ChaosResult result;
            try (ChaosRun run = new ChaosRun(options, folder, Path.of(System.getProperty("bench.launch", "")))) {
                result = run.run();
            }
            return report(result, folder);
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage());
            System.err.print(ChaosOptions.USAGE);
            return 2;
        } catch (IOException | ChaosException e) {
            System.err.println(e.getMessage() == null ? e.toString() : e.getMessage());
            return 1;
        }
    }

    private static int report(ChaosResult result, Path folder) throws IOException {
        BatchAnswer answer = result.answer();
        if (answer.isRight()) {
            KafkaBroker.deleteTree(folder);
        } else {
            System.out.println("wrong=%d disordered=%d, see %s".formatted(answer.wrong(), answer.disordered(), folder));
        }
        System.out.println(result.line());
        return answer.isRight() ? 0 : 1;
    }
}
