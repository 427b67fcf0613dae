package dev.millrace.engine.harness;

/**
 * Runs a property for many seeds, and says on failure which seed it was and how to replay it. With the
 * system property {@value #PROPERTY}, only that seed is run.
 */
public final class Seeds {
    private static final String PROPERTY = "millrace.seed";

    private Seeds() {}

    /** What must hold for every seed. */
    @FunctionalInterface
    public interface Property {
        void check(long seed) throws Exception;
    }

    public static void forEach(int count, Property property) {
        Class<?> test = StackWalker.getInstance(StackWalker.Option.RETAIN_CLASS_REFERENCE)
                .getCallerClass();
        Long only = Long.getLong(PROPERTY);
        if (only != null) {
            check(only, property, test);
            return;
        }
        for (long seed = 1; seed <= count; seed++) {
            check(seed, property, test);
        }
    }

    private static void check(long seed, Property property, Class<?> test) {
        try {
            property.check(seed);
        } catch (Exception | AssertionError failure) {
            throw new AssertionError(
                    "seed=%d: %s%nReplay with: mvn test -Dtest=%s -Dsurefire.failIfNoSpecifiedTests=false -D%s=%d"
                            .formatted(seed, failure.getMessage(), test.getSimpleName(), PROPERTY, seed),
                    failure);
        }
    }
}
