package dev.millrace.engine.exchange;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ModulusTest {
    private static final int[] DIVIDENDS = {
        Integer.MIN_VALUE, Integer.MIN_VALUE + 1, -1, 0, 1, Integer.MAX_VALUE - 1, Integer.MAX_VALUE
    };
    private static final int[] LARGE_DIVISORS = {
        Integer.MAX_VALUE, Integer.MAX_VALUE - 1, 1 << 30, (1 << 30) + 1, (1 << 30) - 1
    };

    @Test
    void isFloorModForEveryKindOfDividendAndDivisor() {
        Random random = new Random(1);
        IntStream divisors = IntStream.concat(
                IntStream.concat(IntStream.rangeClosed(1, 500), IntStream.of(LARGE_DIVISORS)),
                random.ints(500, 1, Integer.MAX_VALUE));
        divisors.forEach(divisor -> {
            Modulus modulus = new Modulus(divisor);
            IntStream.concat(IntStream.of(DIVIDENDS), nearMultiples(divisor, random))
                    .forEach(dividend -> assertThat(modulus.remainder(dividend))
                            .as("%d mod %d", dividend, divisor)
                            .isEqualTo(Math.floorMod(dividend, divisor)));
        });
    }

    /** Where a quotient that is off by one would show. */
    private static IntStream nearMultiples(int divisor, Random random) {
        return random.ints(50).flatMap(any -> {
            int multiple = any / divisor * divisor;
            return IntStream.of(any, multiple - 1, multiple, multiple + 1);
        });
    }

    @Test
    void refusesToDivideByNothing() {
        assertThatThrownBy(() -> new Modulus(0)).isInstanceOf(IllegalArgumentException.class);
    }
}
