package dev.millrace.spark.json;

import java.nio.charset.StandardCharsets;
import org.apache.spark.unsafe.types.UTF8String;
import org.jspecify.annotations.Nullable;

/**
 * A text in JSON and a place in it. Knows the grammar of RFC 8259 and nothing beyond: each method goes past what it is
 * called for, or says that something else is there, which may well be what a more lenient parser takes.
 *
 * <p>Bounds: what Jackson bounds by default (depth, the lengths of numbers and names) is refused long before. Thread:
 * one owner.
 */
final class JsonText {
    /** What {@link #next} gives behind the text. */
    static final int END = -1;

    private static final int MAX_DEPTH = 100;
    private static final int MAX_NUMBER_BYTES = 100;
    private static final int MAX_NAME_BYTES = 1_000;

    /** As many decimal digits as any long has room for. */
    private static final int MAX_DIGITS = 18;

    private static final long MAX_EXACT_MANTISSA = 1L << 53;
    private static final int MAX_EXPONENT = 300;

    /** Powers of ten that a double holds exactly. */
    private static final double[] POWERS_OF_TEN = {
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22
    };

    private byte[] bytes = new byte[0];
    private int at;
    private int end;

    // What was gone past last.
    private int start;
    private int stop;
    private boolean hasEscapes;
    private boolean isAscii;
    private boolean isNegative;
    private boolean isWhole;
    private int digits;
    private int exponent;
    private long mantissa;

    void pointTo(byte[] text, int from, int to) {
        bytes = text;
        at = from;
        end = to;
    }

    /** The next byte that is no white space, or {@link #END}; stays before it. */
    int next() {
        while (at < end) {
            byte b = bytes[at];
            if (b != ' ' && b != '\n' && b != '\r' && b != '\t') {
                return b & 0xff;
            }
            at++;
        }
        return END;
    }

    /** Goes past the byte that {@link #next} gave. */
    void skip() {
        at++;
    }

    /** Goes past {@code expected} if it is what comes next. */
    boolean skip(char expected) {
        if (next() != expected) {
            return false;
        }
        at++;
        return true;
    }

    /** Goes past {@code word}, of which {@link #next} gave the first letter. */
    boolean skipWord(String word) {
        if (end - at < word.length()) {
            return false;
        }
        for (int i = 0; i < word.length(); i++) {
            if (bytes[at + i] != word.charAt(i)) {
                return false;
            }
        }
        at += word.length();
        return true;
    }

    /** Goes past a string, of which {@link #next} gave the quote. Escapes in it are valid; the bytes may be any. */
    boolean skipString() {
        int from = at + 1;
        boolean escapes = false;
        int all = 0;
        int i = from;
        while (i < end) {
            int b = bytes[i];
            if (b == '"') {
                start = from;
                stop = i;
                hasEscapes = escapes;
                isAscii = all >= 0;
                at = i + 1;
                return true;
            }
            if (b == '\\') {
                escapes = true;
                int size = escapeSize(i);
                if (size == 0) {
                    return false;
                }
                i += size;
            } else {
                if (b >= 0 && b < ' ') {
                    return false;
                }
                all |= b;
                i++;
            }
        }
        return false;
    }

    private int escapeSize(int backslash) {
        if (backslash + 1 >= end) {
            return 0;
        }
        return switch (bytes[backslash + 1]) {
            case '"', '\\', '/', 'b', 'f', 'n', 'r', 't' -> 2;
            case 'u' -> unit(backslash) < 0 ? 0 : 6;
            default -> 0;
        };
    }

    /** The UTF-16 unit that an escape with {@code u} stands for; negative where it has not four hexadecimal digits. */
    private int unit(int backslash) {
        if (backslash + 6 > end) {
            return -1;
        }
        int unit = 0;
        for (int i = backslash + 2; i < backslash + 6; i++) {
            int digit = Character.digit(bytes[i], 16);
            if (digit < 0) {
                return -1;
            }
            unit = unit << 4 | digit;
        }
        return unit;
    }

    /** Goes past a name that has no escapes, and the colon behind it. */
    boolean skipName() {
        return skipString() && !hasEscapes && stop - start <= MAX_NAME_BYTES && skip(':');
    }

    /** Whether the string that was gone past last, without escapes, is this one. */
    boolean isString(byte[] other) {
        return stop - start == other.length && java.util.Arrays.equals(bytes, start, stop, other, 0, other.length);
    }

    /** The string that was gone past last, which may share the text's bytes; null where it is not valid Unicode. */
    @Nullable
    UTF8String string() {
        if (hasEscapes) {
            return unescaped();
        }
        UTF8String string = UTF8String.fromBytes(bytes, start, stop - start);
        return isAscii || string.isValid() ? string : null;
    }

    /** As {@link #string}; null also where it has escapes or letters beyond ASCII, or is empty. */
    @Nullable
    String plainString() {
        return hasEscapes || !isAscii || stop == start
                ? null
                : new String(bytes, start, stop - start, StandardCharsets.ISO_8859_1);
    }

    private @Nullable UTF8String unescaped() {
        byte[] target = new byte[stop - start]; // An escape is never shorter than what it stands for.
        int size = 0;
        int i = start;
        while (i < stop) {
            if (bytes[i] != '\\') {
                target[size++] = bytes[i++];
                continue;
            }
            int unit = bytes[i + 1] == 'u' ? unit(i) : letter(bytes[i + 1]);
            i += bytes[i + 1] == 'u' ? 6 : 2;
            int codePoint = unit;
            if (Character.isSurrogate((char) unit)) {
                int low = i + 1 < stop && bytes[i] == '\\' && bytes[i + 1] == 'u' ? unit(i) : -1;
                if (!Character.isHighSurrogate((char) unit) || low < 0 || !Character.isLowSurrogate((char) low)) {
                    return null;
                }
                codePoint = Character.toCodePoint((char) unit, (char) low);
                i += 6;
            }
            size = encode(codePoint, target, size);
        }
        UTF8String string = UTF8String.fromBytes(target, 0, size);
        return isAscii || string.isValid() ? string : null;
    }

    private static int letter(byte escaped) {
        return switch (escaped) {
            case 'b' -> '\b';
            case 'f' -> '\f';
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            default -> escaped;
        };
    }

    private static int encode(int codePoint, byte[] target, int at) {
        if (codePoint < 0x80) {
            target[at] = (byte) codePoint;
            return at + 1;
        }
        if (codePoint < 0x800) {
            target[at] = (byte) (0xc0 | codePoint >> 6);
            target[at + 1] = (byte) (0x80 | codePoint & 0x3f);
            return at + 2;
        }
        if (codePoint < 0x10000) {
            target[at] = (byte) (0xe0 | codePoint >> 12);
            target[at + 1] = (byte) (0x80 | codePoint >> 6 & 0x3f);
            target[at + 2] = (byte) (0x80 | codePoint & 0x3f);
            return at + 3;
        }
        target[at] = (byte) (0xf0 | codePoint >> 18);
        target[at + 1] = (byte) (0x80 | codePoint >> 12 & 0x3f);
        target[at + 2] = (byte) (0x80 | codePoint >> 6 & 0x3f);
        target[at + 3] = (byte) (0x80 | codePoint & 0x3f);
        return at + 4;
    }

    /** Goes past a number, of which {@link #next} gave the first byte. */
    boolean skipNumber() {
        start = at;
        isNegative = bytes[at] == '-';
        int i = isNegative ? at + 1 : at;
        int from = i;
        long value = 0;
        while (i < end && isDigit(bytes[i])) {
            value = value * 10 + (bytes[i++] - '0');
        }
        digits = i - from;
        if (digits == 0 || (digits > 1 && bytes[from] == '0')) {
            return false;
        }
        isWhole = true;
        exponent = 0;
        if (i < end && bytes[i] == '.') {
            isWhole = false;
            int fraction = ++i;
            while (i < end && isDigit(bytes[i])) {
                value = value * 10 + (bytes[i++] - '0');
            }
            if (i == fraction) {
                return false;
            }
            digits += i - fraction;
            exponent = fraction - i;
        }
        mantissa = value;
        if (i < end && (bytes[i] | 0x20) == 'e') {
            isWhole = false;
            i = skipExponent(i + 1);
        }
        if (i < 0 || i - start > MAX_NUMBER_BYTES) {
            return false;
        }
        at = i;
        stop = i;
        return true;
    }

    /** Where the exponent ends that begins at {@code i}; negative where there is none, or a very large one. */
    private int skipExponent(int first) {
        int i = first;
        boolean negative = i < end && bytes[i] == '-';
        if (negative || (i < end && bytes[i] == '+')) {
            i++;
        }
        int from = i;
        int value = 0;
        while (i < end && isDigit(bytes[i]) && value <= MAX_EXPONENT) {
            value = value * 10 + (bytes[i++] - '0');
        }
        if (i == from || value > MAX_EXPONENT) {
            return -1;
        }
        exponent += negative ? -value : value;
        return i;
    }

    private static boolean isDigit(byte b) {
        return b >= '0' && b <= '9';
    }

    /** Whether the number that was gone past last has neither fraction nor exponent and fits a long. */
    boolean isLong() {
        return isWhole && digits <= MAX_DIGITS;
    }

    boolean isWhole() {
        return isWhole;
    }

    long longValue() {
        return isNegative ? -mantissa : mantissa;
    }

    /** The double next to the number, which {@link #isLong} or is not whole. */
    double doubleValue() {
        if (isWhole) {
            return longValue(); // A whole zero has no sign.
        }
        if (digits <= MAX_DIGITS
                && mantissa <= MAX_EXACT_MANTISSA
                && exponent > -POWERS_OF_TEN.length
                && exponent < POWERS_OF_TEN.length) {
            // Both are exact, so the one operation rounds as it should.
            double value = exponent < 0 ? mantissa / POWERS_OF_TEN[-exponent] : mantissa * POWERS_OF_TEN[exponent];
            return isNegative ? -value : value;
        }
        return Double.parseDouble(numberText());
    }

    String numberText() {
        return new String(bytes, start, stop - start, StandardCharsets.ISO_8859_1);
    }

    /** Goes past any value. */
    boolean skipValue() {
        return skipValue(0);
    }

    private boolean skipValue(int depth) {
        if (depth > MAX_DEPTH) {
            return false;
        }
        return switch (next()) {
            case '"' -> skipString();
            case '{' -> skipObject(depth);
            case '[' -> skipArray(depth);
            case 't' -> skipWord("true");
            case 'f' -> skipWord("false");
            case 'n' -> skipWord("null");
            case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9' -> skipNumber();
            default -> false;
        };
    }

    private boolean skipObject(int depth) {
        skip();
        if (skip('}')) {
            return true;
        }
        do {
            if (next() != '"'
                    || !skipString()
                    || stop - start > MAX_NAME_BYTES
                    || !skip(':')
                    || !skipValue(depth + 1)) {
                return false;
            }
        } while (skip(','));
        return skip('}');
    }

    private boolean skipArray(int depth) {
        skip();
        if (skip(']')) {
            return true;
        }
        do {
            if (!skipValue(depth + 1)) {
                return false;
            }
        } while (skip(','));
        return skip(']');
    }
}
