package dev.millrace.kafka.broker;

import java.nio.file.Path;

/**
 * The child JVM's side of {@link BrokerProcess}: runs a broker until its standard input ends, which it
 * does when the parent closes it and also when the parent dies.
 */
public final class BrokerMain {
    /** What is printed, with the address behind it, when the broker answers. */
    static final String READY = "ready ";

    private BrokerMain() {}

    /** Takes the folder for the broker's data. */
    public static void main(String[] arguments) throws Exception {
        try (KafkaBroker broker = KafkaBroker.start(Path.of(arguments[0]))) {
            System.out.println(READY + broker.bootstrap());
            ChildJvm.awaitParent();
        }
        // Kafka may leave threads behind that are not daemons.
        System.exit(0);
    }
}
