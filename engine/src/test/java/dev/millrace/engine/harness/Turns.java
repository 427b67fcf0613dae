package dev.millrace.engine.harness;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/**
 * Lets threads run one at a time, and says at each place where one may sleep who goes on: all interleavings of what they
 * do can come about, and which one does follows from a seed.
 *
 * <p>Thread: whoever has the turn, but for {@link #run}.
 */
public final class Turns {
    /** How often turns change before it counts as going on forever. */
    private static final int MAX_TURNS = 100_000;

    /** How many places a thread passes at most in its turn: some sleep while others get far. */
    private static final int LONG_TURN = 120;

    private static final int SHORT_TURN = 4;

    /** What one thread does. */
    @FunctionalInterface
    public interface Part {
        void run() throws Exception;
    }

    /** The end of a thread that is not wanted any more. */
    private static final class Over extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private final Random random;
    private final List<Semaphore> sleeping = new ArrayList<>();
    private final Semaphore end = new Semaphore(0);
    private volatile @Nullable Throwable failure;
    private boolean isOver;
    private int turns;

    /** How many places the thread whose turn it is, or the next, passes yet without sleeping. */
    private int placesLeft;

    public Turns(Random random) {
        this.random = random;
    }

    /** Runs a part, and all that are begun meanwhile, until the last has ended. Errors: what the first one threw. */
    public void run(Part first) throws Exception {
        begin(first);
        next().release();
        end.acquire();
        Throwable thrown = failure;
        if (thrown instanceof Error error) {
            throw error;
        } else if (thrown != null) {
            throw new AssertionError("A part failed in a way that nobody asked for: " + thrown, thrown);
        }
    }

    /** Adds a part, which goes on when it is its turn. */
    public void begin(Part part) {
        Semaphore turn = new Semaphore(0);
        sleeping.add(turn);
        Thread thread = new Thread(() -> live(part, turn), "turns");
        thread.setDaemon(true);
        thread.start();
    }

    private void live(Part part, Semaphore turn) {
        turn.acquireUninterruptibly();
        try {
            if (!isOver) {
                part.run();
            }
        } catch (Over e) {
            // As it was told.
        } catch (Throwable e) {
            failure = failure == null ? e : failure;
            isOver = true;
        }
        (sleeping.isEmpty() ? end : next()).release();
    }

    /** How many others there are. */
    public int others() {
        return sleeping.size();
    }

    /** Ends all parts, each where it sleeps. */
    public void end() {
        isOver = true;
    }

    /** A place where this thread may sleep while others go on. */
    public void pass() {
        if (++turns > MAX_TURNS) {
            throw new AssertionError("parts that go on forever");
        }
        if (sleeping.isEmpty() || --placesLeft > 0) {
            return;
        }
        placesLeft = random.nextInt(random.nextInt(4) == 0 ? LONG_TURN : SHORT_TURN);
        Semaphore mine = new Semaphore(0);
        sleeping.add(mine);
        next().release();
        mine.acquireUninterruptibly();
        if (isOver) {
            throw new Over();
        }
    }

    private Semaphore next() {
        return sleeping.remove(random.nextInt(sleeping.size()));
    }
}
