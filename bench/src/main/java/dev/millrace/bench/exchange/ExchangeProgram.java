package dev.millrace.bench.exchange;

import dev.millrace.bench.run.Engine;
import dev.millrace.bench.workload.Arguments;
import dev.millrace.bench.workload.Clients;
import java.io.IOException;

/** One of the two processes: prints what {@link ByteMeter} and the two kinds of exchange say, until its input ends. */
public final class ExchangeProgram {
    private ExchangeProgram() {}

    /** Takes engine and role: {@code send} with port, or {@code receive} with warmUpSeconds and seconds. */
    public static void main(String[] words) throws IOException {
        Arguments arguments = Arguments.parse(words);
        Thread thread = new Thread(() -> exchange(arguments), "exchange");
        thread.setDaemon(true);
        thread.start();
        Clients.awaitParent();
        System.exit(0);
    }

    private static void exchange(Arguments arguments) {
        boolean bare = arguments.text("engine").equals(Engine.BARE.id());
        try {
            if (arguments.text("role").equals("send")) {
                int port = arguments.whole("port");
                if (bare) {
                    new BareExchange().send(port);
                } else {
                    new MillraceExchange().send(port);
                }
            } else {
                ByteMeter meter = new ByteMeter(arguments.number("warmUpSeconds"), arguments.number("seconds"));
                if (bare) {
                    new BareExchange().receive(meter);
                } else {
                    new MillraceExchange().receive(meter);
                }
            }
        } catch (Exception e) {
            System.out.println("failed " + e);
        }
    }
}
