package dev.millrace.examples.demo;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class NewestStampsTest {
    private static final long SECOND = 1_000_000L;

    private final NewestStamps stamps = new NewestStamps();

    @Test
    void countsAStampOnceForEachCardAndWindow() {
        assertThat(stamps.isNewer("a", 0, 5)).isTrue();
        assertThat(stamps.isNewer("a", 0, 5)).isFalse();
        assertThat(stamps.isNewer("a", 10, 5)).isTrue();
        assertThat(stamps.isNewer("b", 0, 5)).isTrue();
    }

    @Test
    void refusesAnOlderStampThanTheLast() {
        assertThat(stamps.isNewer("a", 0, 5)).isTrue();
        assertThat(stamps.isNewer("a", 0, 4)).isFalse();
        assertThat(stamps.isNewer("a", 0, 6)).isTrue();
    }

    @Test
    void remembersAcrossOneGenerationOfStamps() {
        assertThat(stamps.isNewer("a", 0, 119 * SECOND)).isTrue();
        assertThat(stamps.isNewer("b", 0, 121 * SECOND)).isTrue();
        assertThat(stamps.isNewer("a", 0, 119 * SECOND)).isFalse();
    }
}
