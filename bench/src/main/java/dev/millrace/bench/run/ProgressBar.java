package dev.millrace.bench.run;

import java.io.PrintStream;
import java.time.Duration;

/**
 * Shows how far a run is, and how long it will still take, on one line of the screen.
 *
 * <p>Thread: one owner.
 */
final class ProgressBar {
    private static final int WIDTH = 30;

    private final PrintStream screen;
    private final int total;
    private final long startNanos;
    private int done;
    private int shown;

    ProgressBar(PrintStream screen, int total, long nowNanos) {
        this.screen = screen;
        this.total = total;
        this.startNanos = nowNanos;
    }

    /** Says what is going on now. */
    void show(String what, long nowNanos) {
        int full = WIDTH * done / Math.max(1, total);
        String line = "[%s%s] %d/%d %s %s"
                .formatted("#".repeat(full), ".".repeat(WIDTH - full), done, total, left(nowNanos), what);
        screen.print("\r" + line + " ".repeat(Math.max(0, shown - line.length())));
        screen.flush();
        shown = line.length();
    }

    /** One more is done; {@code outcome} stays on the screen. */
    void done(String outcome) {
        done++;
        screen.print("\r" + outcome + " ".repeat(Math.max(0, shown - outcome.length())) + System.lineSeparator());
        shown = 0;
    }

    private String left(long nowNanos) {
        if (done == 0) {
            return "";
        }
        Duration left = Duration.ofNanos((nowNanos - startNanos) / done * (total - done));
        return "about %d:%02d left,".formatted(left.toMinutes(), left.toSecondsPart());
    }
}
