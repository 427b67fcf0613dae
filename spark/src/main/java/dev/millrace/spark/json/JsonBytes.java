package dev.millrace.spark.json;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.spark.unsafe.Platform;
import org.apache.spark.unsafe.types.UTF8String;

/**
 * A text in JSON under way, in UTF-8.
 *
 * <p>Bounds: keeps at most {@link #MAX_KEPT_BYTES} from text to text. Thread: one owner. Source: Jackson's
 * WriterBasedJsonGenerator, for what is escaped and how.
 */
final class JsonBytes {
    private static final int FIRST_BYTES = 256;
    private static final int MAX_KEPT_BYTES = 1 << 20;

    /** The longest array that every JVM makes. */
    private static final int MAX_BYTES = Integer.MAX_VALUE - 8;

    /** The longest escape, and the longest long. */
    private static final int ESCAPE_BYTES = 6;

    private static final int LONG_BYTES = 20;

    private static final byte[] LEAST_LONG = ascii(Long.toString(Long.MIN_VALUE));
    private static final byte[] HEXADECIMAL = ascii("0123456789ABCDEF");

    /** For each byte: 0 where it stands for itself, a letter behind a backslash, or {@link #BY_NUMBER}. */
    private static final byte[] ESCAPES = new byte[256];

    private static final byte BY_NUMBER = 'u';

    static {
        Arrays.fill(ESCAPES, 0, ' ', BY_NUMBER);
        ESCAPES['"'] = '"';
        ESCAPES['\\'] = '\\';
        ESCAPES['\b'] = 'b';
        ESCAPES['\t'] = 't';
        ESCAPES['\n'] = 'n';
        ESCAPES['\f'] = 'f';
        ESCAPES['\r'] = 'r';
    }

    private byte[] bytes = new byte[FIRST_BYTES];
    private int size;

    static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    /** Begins a text. */
    void clear() {
        size = 0;
        if (bytes.length > MAX_KEPT_BYTES) {
            bytes = new byte[FIRST_BYTES];
        }
    }

    /** The text so far; its bytes are its own. */
    UTF8String text() {
        return UTF8String.fromBytes(Arrays.copyOf(bytes, size));
    }

    void put(char ascii) {
        reserve(1);
        bytes[size++] = (byte) ascii;
    }

    void put(byte[] plain) {
        reserve(plain.length);
        System.arraycopy(plain, 0, bytes, size, plain.length);
        size += plain.length;
    }

    /** Letters of ASCII, as they are. */
    @SuppressWarnings("deprecation") // What it leaves out of a letter beyond ASCII is not there.
    void putAscii(String text) {
        int length = text.length();
        reserve(length);
        text.getBytes(0, length, bytes, size);
        size += length;
    }

    void put(long number) {
        if (number == Long.MIN_VALUE) {
            put(LEAST_LONG);
            return;
        }
        reserve(LONG_BYTES);
        long rest = Math.abs(number);
        if (number < 0) {
            bytes[size++] = '-';
        }
        int digits = 1;
        for (long power = rest; power >= 10; power /= 10) {
            digits++;
        }
        int at = size + digits;
        size = at;
        do {
            long tenth = rest / 10;
            bytes[--at] = (byte) ('0' + (rest - tenth * 10));
            rest = tenth;
        } while (rest != 0);
    }

    /** A string in quotes. Bytes that are no letter become what Java's decoder puts in their place. */
    void putString(UTF8String string) {
        int length = string.numBytes();
        if (!string.isFullAscii() && !string.isValid()) {
            putString(string.toString());
            return;
        }
        reserve(length + 2);
        bytes[size++] = '"';
        int start = size;
        string.writeToMemory(bytes, Platform.BYTE_ARRAY_OFFSET + start);
        size += length;
        for (int i = start; i < size; i++) {
            if (ESCAPES[bytes[i] & 0xff] != 0) {
                size = i;
                putEscaped(string, i - start);
                break;
            }
        }
        put('"');
    }

    /** As above. */
    void putString(String string) {
        byte[] encoded = string.getBytes(StandardCharsets.UTF_8);
        put('"');
        putEscaped(UTF8String.fromBytes(encoded), 0);
        put('"');
    }

    private void putEscaped(UTF8String string, int from) {
        int length = string.numBytes();
        for (int i = from; i < length; i++) {
            reserve(ESCAPE_BYTES);
            byte b = string.getByte(i);
            byte escape = ESCAPES[b & 0xff];
            if (escape == 0) {
                bytes[size++] = b;
                continue;
            }
            bytes[size++] = '\\';
            bytes[size++] = escape;
            if (escape == BY_NUMBER) {
                bytes[size++] = '0';
                bytes[size++] = '0';
                bytes[size++] = HEXADECIMAL[b >> 4];
                bytes[size++] = HEXADECIMAL[b & 0xf];
            }
        }
    }

    private void reserve(int more) {
        if (more > bytes.length - size) {
            long needed = (long) size + more;
            if (needed > MAX_BYTES) {
                throw new IllegalStateException(
                        "Cannot write JSON: the text of one row takes more than %d bytes.".formatted(MAX_BYTES));
            }
            bytes = Arrays.copyOf(bytes, (int) Math.min(MAX_BYTES, Math.max(2L * bytes.length, needed)));
        }
    }
}
