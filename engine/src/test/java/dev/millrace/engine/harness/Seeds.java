package dev.millrace.engine.harness;

/**
 * Runs something for many seeds, and says on failure which seed it was and how to replay it. System
 * properties say which: {@value #ONLY} one seed alone, or {@value #FROM} and {@value #COUNT} a range.
 */
public final class Seeds {
    private static final String ONLY = "simulation.seed";
    private static final String FROM = "simulation.from";
    private static final String COUNT = "simulation.count";

    private Seeds() {}

    /** What must hold for every seed. */
    @FunctionalInterface
    public interface Property {
        void check(long seed) throws Exception;
    }

    /** As {@link #simulate}, for a property that is cheap to check, whatever range is set for simulations. */
    public static void forEach(int count, Property property) {
        range(property, caller(), Long.getLong(ONLY, 1), Long.getLong(ONLY) == null ? count : 1);
    }

    /** @param count how many seeds to run where nothing else is set */
    public static void simulate(int count, Property property) {
        Long only = Long.getLong(ONLY);
        Class<?> test = caller();
        if (only != null) {
            range(property, test, only, 1);
        } else {
            range(property, test, Long.getLong(FROM, 0), Long.getLong(COUNT, count));
        }
    }

    private static Class<?> caller() {
        return StackWalker.getInstance(StackWalker.Option.RETAIN_CLASS_REFERENCE)
                .walk(frames -> frames.map(StackWalker.StackFrame::getDeclaringClass)
                        .filter(type -> type != Seeds.class)
                        .findFirst()
                        .orElseThrow());
    }

    private static void range(Property property, Class<?> test, long from, long count) {
        for (long seed = from; seed < from + count; seed++) {
            try {
                property.check(seed);
            } catch (Exception | AssertionError failure) {
                throw new AssertionError(
                        "seed=%d: %s%nReplay with: mvn test -Dtest=%s -Dsurefire.failIfNoSpecifiedTests=false -D%s=%d"
                                .formatted(seed, failure.getMessage(), test.getSimpleName(), ONLY, seed),
                        failure);
            }
        }
    }
}
