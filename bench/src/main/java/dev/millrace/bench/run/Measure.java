package dev.millrace.bench.run;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * A kind of question: its cases, and how an engine's turn at one goes.
 *
 * <p>Thread: one owner. Lifetime: {@link #prepare} first, {@link #close} last.
 */
public interface Measure extends AutoCloseable {
    /** As on the command line. */
    String id();

    /** What it measures, in a sentence of the report. */
    String title();

    List<Engine> engines();

    /** Those of them that have a turn at a case. */
    default List<Engine> engines(Case of) {
        return engines();
    }

    List<Figure> figures();

    int rounds();

    /** Starts what all turns share, in {@code folder}, and says what is to be measured. */
    List<Case> prepare(Path folder) throws IOException, InterruptedException;

    /**
     * One turn; what is found out goes into {@code draft}.
     *
     * @param folder new and empty, for the turn alone
     * @throws CannotRunException when the engine cannot do this
     */
    void turn(Engine engine, Case of, int round, Path folder, TurnDraft draft)
            throws IOException, InterruptedException, CannotRunException;

    @Override
    void close() throws IOException;
}
