package dev.millrace.spark.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.apache.spark.sql.catalyst.util.CollationFactory;
import org.apache.spark.sql.catalyst.util.CollationSupport;
import org.apache.spark.unsafe.types.UTF8String;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Upper and lower case as Spark has them, of plain texts and others. */
final class AsciiCaseTest {
    private static final List<String> PIECES = List.of(
            "",
            "abc",
            "XYZ",
            "azAZ09",
            "@[`{",
            " \t\u0000\u007f",
            "é",
            "ß",
            "İ",
            "ı",
            "ŉ",
            "Σ",
            "ς",
            "ΌΣΟΣ",
            "ﬃ",
            "Ǆ",
            "😀",
            "𐐨",
            "中");

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void givesWhatSparkGives(boolean byIcu) {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int i = 0; i < 5_000; i++) {
            UTF8String text = text(random);
            int binary = CollationFactory.UTF8_BINARY_COLLATION_ID;
            assertThat(AsciiCase.upper(text, byIcu))
                    .as("upper, seed=%d, text=%s", seed, text)
                    .isEqualTo(CollationSupport.Upper.exec(text, binary, byIcu));
            assertThat(AsciiCase.lower(text, byIcu))
                    .as("lower, seed=%d, text=%s", seed, text)
                    .isEqualTo(CollationSupport.Lower.exec(text, binary, byIcu));
        }
    }

    private static UTF8String text(Random random) {
        StringBuilder text = new StringBuilder();
        int choices = random.nextBoolean() ? 6 : PIECES.size();
        for (int i = random.nextInt(5); i > 0; i--) {
            text.append(PIECES.get(random.nextInt(choices)));
        }
        byte[] bytes = UTF8String.fromString(text.toString()).getBytes();
        if (bytes.length > 0 && random.nextInt(10) == 0) {
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
        }
        return UTF8String.fromBytes(bytes);
    }
}
