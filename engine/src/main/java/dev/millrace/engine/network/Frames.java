package dev.millrace.engine.network;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.Page;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * What travels on a connection between two workers.
 *
 * <p>Layout, the most significant byte first; {@code length} counts what is behind it:
 * <pre>
 *   length | kind | channel | body
 *     4       1        4
 *
 *   ROWS           input partition 4 | row count 4 | read nanos 8 | a page's records, as they are
 *   ROWS_ZSTD      the same | size of the records 4 | zstd(records)
 *   BARRIER        epoch 8 | watermark in microseconds 8
 *   WATERMARK      micros 8
 *   IDLE
 *   CREDIT         items 4
 *   PING           nanos 8
 *   PONG           nanos of the ping 8 | nanos 8
 *   HELLO          magic 4 | version 2 | byte order 1 | from 4 | to 4 | attempt, UTF-8
 *   WELCOME
 *   REFUSED        why, UTF-8
 * </pre>
 * The records of a page are in the byte order of the machine, so both ends must have the same.
 */
final class Frames {
    static final byte ROWS = 1;
    static final byte ROWS_ZSTD = 2;
    static final byte BARRIER = 3;
    static final byte WATERMARK = 4;
    static final byte IDLE = 5;
    static final byte CREDIT = 6;
    static final byte PING = 7;
    static final byte PONG = 8;
    static final byte HELLO = 9;
    static final byte WELCOME = 10;
    static final byte REFUSED = 11;

    static final int HEADER_BYTES = 9;

    /** What {@code length} counts of the header. */
    static final int COUNTED_HEADER_BYTES = 5;

    static final int ROWS_HEADER_BYTES = 16;
    static final int ROWS_ZSTD_HEADER_BYTES = 20;

    /** The most that a page's records can take: a page above its capacity holds one row. */
    static final int MAX_RECORDS_BYTES = Page.recordBytes(Page.MAX_ROW_BYTES);

    /** The longest body of any frame without rows. */
    static final int MAX_SMALL_BYTES = 1024;

    /** In the place of a channel where there is none. */
    static final int NO_CHANNEL = -1;

    private static final int MAGIC = 0x4d494c4c;
    private static final short VERSION = 1;
    private static final byte BYTE_ORDER = (byte) (ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN ? 1 : 0);
    private static final int HELLO_BYTES = 15;

    private Frames() {}

    static void header(ByteBuf to, byte kind, int channel, int bodyBytes) {
        to.writeInt(COUNTED_HEADER_BYTES + bodyBytes).writeByte(kind).writeInt(channel);
    }

    static void hello(ByteBuf to, Hello hello) {
        byte[] attempt = hello.attempt().getBytes(StandardCharsets.UTF_8);
        header(to, HELLO, NO_CHANNEL, HELLO_BYTES + attempt.length);
        to.writeInt(MAGIC).writeShort(VERSION).writeByte(BYTE_ORDER);
        to.writeInt(hello.from()).writeInt(hello.to()).writeBytes(attempt);
    }

    /** Reads the body of a HELLO. Errors: CONNECTION_FAILED where this process cannot talk to the other. */
    static Hello hello(byte[] bytes, int sizeBytes) {
        ByteBuffer from = ByteBuffer.wrap(bytes, 0, sizeBytes);
        if (sizeBytes < HELLO_BYTES || from.getInt() != MAGIC) {
            throw malformed("hello of %d bytes".formatted(sizeBytes));
        }
        short version = from.getShort();
        byte order = from.get();
        if (version != VERSION || order != BYTE_ORDER) {
            throw new MillraceException(
                    ErrorCode.CONNECTION_FAILED,
                    ("Cannot talk to another worker: its version=%d, byte order=%d; this worker's version=%d, byte "
                                    + "order=%d. Run all executors with the same Millrace, on machines of one kind.")
                            .formatted(version, order, VERSION, BYTE_ORDER));
        }
        int connecting = from.getInt();
        int connected = from.getInt();
        String attempt = new String(bytes, from.position(), from.remaining(), StandardCharsets.UTF_8);
        return new Hello(attempt, connecting, connected);
    }

    static void refused(ByteBuf to, String why) {
        byte[] text = why.getBytes(StandardCharsets.UTF_8);
        int sizeBytes = Math.min(text.length, MAX_SMALL_BYTES);
        header(to, REFUSED, NO_CHANNEL, sizeBytes);
        to.writeBytes(text, 0, sizeBytes);
    }

    /** What came is none of these frames. */
    static MillraceException malformed(String what) {
        return malformed(what, null);
    }

    static MillraceException malformed(String what, @Nullable Throwable cause) {
        return new MillraceException(
                ErrorCode.CONNECTION_FAILED,
                ("Cannot read what another worker sent: %s. Run all executors with the same Millrace, and let nothing "
                                + "else connect to their ports.")
                        .formatted(what),
                cause);
    }
}
