package dev.millrace.examples;

import dev.millrace.kafka.broker.KafkaBroker;
import dev.millrace.kafka.broker.LocalKafka;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/** Gives tests one broker, its topics of made-up events and one session for all of them, which end with the last test. */
public final class SharedTopics implements ParameterResolver {
    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        return parameter.getParameter().getType() == ExampleTopics.class;
    }

    @Override
    public ExampleTopics resolveParameter(ParameterContext parameter, ExtensionContext context) {
        return context.getRoot()
                .getStore(Namespace.create(SharedTopics.class))
                .getOrComputeIfAbsent(Held.class, key -> Held.start(), Held.class)
                .topics();
    }

    /** What is held until JUnit closes its root store. */
    private record Held(Path folder, ExampleTopics topics) implements AutoCloseable {
        static Held start() {
            try {
                Path folder = Files.createTempDirectory("examples");
                return new Held(folder, ExampleTopics.fill(LocalKafka.start(folder, settings(folder))));
            } catch (Exception e) {
                throw new IllegalStateException("Cannot start what the tests share.", e);
            }
        }

        private static Map<String, String> settings(Path folder) {
            return Map.of(
                    "spark.sql.shuffle.partitions",
                    "2",
                    "spark.sql.session.timeZone",
                    "UTC",
                    "spark.sql.warehouse.dir",
                    folder.resolve("warehouse").toString(),
                    "spark.sql.streaming.stateStore.providerClass",
                    "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider");
        }

        @Override
        public void close() throws Exception {
            topics.kafka().close();
            KafkaBroker.deleteTree(folder);
        }
    }
}
