package dev.millrace.bench.run;

import dev.millrace.kafka.broker.KafkaBroker;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * A run of one measure: in each round every case, in each case every engine, one after the other. The order of the
 * engines is turned round from one round to the next, so that none always has the warmer machine. An engine that
 * cannot do a case is asked once.
 *
 * <p>Thread: one.
 */
public final class BenchRun {
    private final Measure measure;
    private final Launcher launcher;
    private final Map<String, String> options;
    private final PrintStream screen;

    public BenchRun(Measure measure, Launcher launcher, Options options, PrintStream screen) {
        this.measure = measure;
        this.launcher = launcher;
        this.options = options.given();
        this.screen = screen;
    }

    /** Measures; raw results are appended to {@code file} as they come. Folders of turns that went well go. */
    public Results run(Path folder, Path file) throws IOException, InterruptedException {
        List<Turn> turns = new ArrayList<>();
        List<Case> cases = measure.prepare(folder);
        Results.Description description = describe(cases);
        Results.append(file, "run", description);
        Set<String> refused = new HashSet<>();
        int turnsEach =
                cases.stream().mapToInt(of -> measure.engines(of).size()).sum();
        ProgressBar bar = new ProgressBar(screen, measure.rounds() * turnsEach, System.nanoTime());
        for (int round = 1; round <= measure.rounds(); round++) {
            for (Case of : cases) {
                for (Engine engine : order(round, of)) {
                    String name = "%s %s, round %d".formatted(of.id(), engine.id(), round);
                    if (refused.contains(of.id() + engine.id())) {
                        bar.done(name + ": cannot, as before");
                        continue;
                    }
                    bar.show(name, System.nanoTime());
                    Turn turn = turn(engine, of, round, folder);
                    Results.append(file, "turn", turn);
                    turns.add(turn);
                    if (!turn.wasMeasured()) {
                        refused.add(of.id() + engine.id());
                    }
                    bar.done(name + ": " + brief(turn));
                }
            }
        }
        return new Results(description, turns);
    }

    private Results.Description describe(List<Case> cases) {
        Map<String, String> titles = new LinkedHashMap<>();
        measure.engines().forEach(engine -> titles.put(engine.id(), engine.title()));
        return new Results.Description(
                measure.id(),
                measure.title(),
                Instant.now().toString(),
                launcher.describe(),
                options,
                List.copyOf(titles.keySet()),
                titles,
                measure.figures(),
                cases);
    }

    private List<Engine> order(int round, Case of) {
        List<Engine> engines = new ArrayList<>(measure.engines(of));
        if (round % 2 == 0) {
            Collections.reverse(engines);
        }
        return engines;
    }

    private Turn turn(Engine engine, Case of, int round, Path folder) throws IOException, InterruptedException {
        Path own = Files.createDirectories(folder.resolve("%s-%s-%d".formatted(of.id(), engine.id(), round)));
        String time = Instant.now().toString();
        TurnDraft draft = new TurnDraft();
        try {
            measure.turn(engine, of, round, own, draft);
            KafkaBroker.deleteTree(own);
            return draft.measured(of, engine, round, time);
        } catch (CannotRunException e) {
            return draft.refused(of, engine, round, time, String.valueOf(e.getMessage()));
        }
    }

    private String brief(Turn turn) {
        if (!turn.wasMeasured()) {
            return "cannot: " + turn.refused();
        }
        StringBuilder text = new StringBuilder();
        for (Figure figure : measure.figures()) {
            Double value = turn.figures().get(figure.id());
            if (value != null) {
                text.append(String.format(
                        Locale.ROOT,
                        "%s %,.".concat(figure.decimals() + "f %s  "),
                        figure.title(),
                        value,
                        figure.unit()));
            }
        }
        return text.toString().strip();
    }
}
