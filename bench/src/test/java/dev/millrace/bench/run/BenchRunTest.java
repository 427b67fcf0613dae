package dev.millrace.bench.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class BenchRunTest {
    private final List<String> turns = new ArrayList<>();

    /** Spark cannot do the second case. */
    private final class Counting implements Measure {
        @Override
        public String id() {
            return "counting";
        }

        @Override
        public String title() {
            return "Counting";
        }

        @Override
        public List<Engine> engines() {
            return List.of(Engine.MILLRACE, Engine.SPARK);
        }

        @Override
        public List<Figure> figures() {
            return List.of(new Figure("n", "n", "", 0, true));
        }

        @Override
        public int rounds() {
            return 2;
        }

        @Override
        public List<Case> prepare(Path folder) {
            return List.of(new Case("one", "one", Map.of()), new Case("two", "two", Map.of()));
        }

        @Override
        public void turn(Engine engine, Case of, int round, Path folder, TurnDraft draft) throws CannotRunException {
            turns.add(of.id() + " " + engine.id() + " " + round);
            if (engine == Engine.SPARK && of.id().equals("two")) {
                throw new CannotRunException("it has no words for this");
            }
            draft.figure("n", round).settings(Map.of("a", "b")).moment(1, 2).mark(3);
        }

        @Override
        public void close() {}
    }

    @Test
    void turnsTheOrderRoundAndAsksNobodyTwiceWhoCannot(@TempDir Path folder) throws Exception {
        Results results = run(folder);

        assertThat(turns)
                .containsExactly(
                        "one millrace 1",
                        "one spark 1",
                        "two millrace 1",
                        "two spark 1",
                        "one spark 2",
                        "one millrace 2",
                        "two millrace 2");
        assertThat(results.turns("two", "spark")).extracting(Turn::refused).containsExactly("it has no words for this");
    }

    @Test
    void readsBackWhatItWrote(@TempDir Path folder) throws Exception {
        Results results = run(folder);

        assertThat(Results.read(folder.resolve("results.jsonl"))).isEqualTo(results);
    }

    @Test
    void readsOptionsAndNamesThoseThatItDoesNotKnow() {
        Options options = Options.parse(List.of("--rounds", "3", "--quick"), List.of("--rounds", "--rate"));

        assertThat(options.whole("--rounds", 1, 1)).isEqualTo(3);
        assertThat(options.whole("--rate", 10, 5)).isEqualTo(5);
        assertThatThrownBy(() -> Options.parse(List.of("--speed", "3"), List.of("--rounds")))
                .hasMessageContaining("--speed");
        assertThatThrownBy(() -> Options.parse(List.of("--rounds", "many"), List.of("--rounds"))
                        .whole("--rounds", 1, 1))
                .hasMessageContaining("--rounds=many");
    }

    private Results run(Path folder) throws Exception {
        return QuickRun.of(new Counting(), Options.parse(List.of(), List.of()), folder);
    }
}
