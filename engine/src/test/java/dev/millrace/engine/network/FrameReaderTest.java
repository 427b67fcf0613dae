package dev.millrace.engine.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.stream.Item;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a writer writes, a reader reads, however the bytes are cut; and nothing else. */
class FrameReaderTest {
    private final EmbeddedChannel channel = new EmbeddedChannel(new ChannelInboundHandlerAdapter());

    /** Frames as text. */
    private static class Log implements FrameHandler {
        final List<String> frames = new ArrayList<>();

        @Override
        public Page pageFor(int of) {
            return new Page();
        }

        @Override
        public void rows(int of, PageHeader header, Page page, int recordsBytes) {
            byte[] records = Arrays.copyOf(page.bytes(), recordsBytes);
            frames.add("%d %s %d".formatted(of, header, Arrays.hashCode(records)));
        }

        @Override
        public void mark(int of, Item mark) {
            frames.add(of + " " + mark);
        }

        @Override
        public void credit(int of, int items) {
            frames.add(of + " credit " + items);
        }

        @Override
        public void ping(long nanos) {
            frames.add("ping " + nanos);
        }

        @Override
        public void pong(long askedNanos, long peerNanos) {
            frames.add("pong " + askedNanos + " " + peerNanos);
        }

        @Override
        public void welcome() {
            frames.add("welcome");
        }

        @Override
        public void refused(String why) {
            frames.add("refused " + why);
        }
    }

    private byte[] written(boolean compresses, List<String> expected) {
        FrameWriter writer = new FrameWriter(channel.pipeline().firstContext(), compresses);
        Log log = new Log();
        Random random = new Random(7);
        for (int rows : new int[] {1, 100, 3000}) {
            Page page = new Page();
            page.inputPartition(rows);
            for (int i = 0; i < rows; i++) {
                byte[] row = new byte[random.nextInt(40)];
                Arrays.fill(row, (byte) i);
                page.append(row, 0, row.length, i, 1000 + i);
            }
            writer.rows(3, page);
            log.rows(3, new FrameHandler.PageHeader(rows, rows, page.oldestReadNanos()), page, page.endOffset());
        }
        for (Item mark :
                List.of(new Item.Barrier(5), new Item.Barrier(6, -7), Item.Idle.INSTANCE, new Item.Watermark(-1))) {
            writer.mark(4, mark);
            log.mark(4, mark);
        }
        writer.credit(9, 16);
        writer.ping(1);
        writer.pong(2, 3);
        writer.welcome();
        log.credit(9, 16);
        log.ping(1);
        log.pong(2, 3);
        log.welcome();
        expected.addAll(log.frames);
        writer.flush();
        ByteBuf all = Unpooled.buffer();
        for (ByteBuf part = channel.readOutbound(); part != null; part = channel.readOutbound()) {
            all.writeBytes(part);
            part.release();
        }
        byte[] bytes = new byte[all.readableBytes()];
        all.readBytes(bytes);
        return bytes;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void readsTheSameHoweverTheBytesAreCut(boolean compresses) {
        List<String> expected = new ArrayList<>();
        byte[] bytes = written(compresses, expected);
        for (int seed = 0; seed < 50; seed++) {
            Random random = new Random(seed);
            int most = seed == 0 ? 1 : 1 + random.nextInt(seed < 25 ? 30 : 20_000);
            FrameReader reader = new FrameReader();
            Log log = new Log();
            for (int at = 0; at < bytes.length; ) {
                int size = Math.min(bytes.length - at, 1 + random.nextInt(most));
                reader.read(Unpooled.wrappedBuffer(bytes, at, size), log);
                at += size;
            }
            assertThat(log.frames).as("seed=%d", seed).isEqualTo(expected);
        }
    }

    @Test
    void sendsFewerBytesWhereItCompresses() {
        assertThat(written(true, new ArrayList<>()).length).isLessThan(written(false, new ArrayList<>()).length / 2);
    }

    @Test
    void keepsLittleForALargeRowThatNeverComes() {
        FrameReader reader = new FrameReader();
        Page page = new Page();
        Log log = new Log() {
            @Override
            public Page pageFor(int of) {
                return page;
            }
        };
        ByteBuf frame = Unpooled.buffer();
        Frames.header(frame, Frames.ROWS, 0, Frames.ROWS_HEADER_BYTES + Frames.MAX_RECORDS_BYTES);
        frame.writeInt(0).writeInt(1).writeLong(0).writeBytes(new byte[600]);

        reader.read(frame, log);

        assertThat(page.bytes().length).isLessThanOrEqualTo(1 << 20);
    }

    /** Bytes at random, or frames with a few bytes changed, never do worse than to be refused. */
    @Test
    void refusesOrReadsWhateverComes() {
        byte[] good = written(true, new ArrayList<>());
        for (int seed = 0; seed < 2000; seed++) {
            Random random = new Random(seed);
            byte[] bytes = good.clone();
            for (int changes = 1 + random.nextInt(4); changes > 0; changes--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
            }
            try {
                new FrameReader().read(Unpooled.wrappedBuffer(bytes), new Log());
            } catch (MillraceException e) {
                assertThat(e).as("seed=%d", seed).hasMessageContaining("MILLRACE_CONNECTION_FAILED");
            }
        }
    }

    @Test
    void refusesRecordsThatAreNone() {
        Page page = new Page();
        page.append(new byte[20], 0, 20, 1, 0);
        page.append(new byte[4], 0, 4, 1, 0);
        byte[] good = Arrays.copyOf(page.bytes(), page.endOffset());
        for (int size = 0; size <= good.length; size++) {
            Page other = new Page();
            System.arraycopy(good, 0, other.bytes(), 0, size);
            assertThat(other.adopt(size, 2, 0, 0)).isEqualTo(size == good.length);
            assertThat(other.isEmpty()).isEqualTo(size != good.length);
        }
        assertThat(new Page().adopt(0, 0, 0, 0)).isTrue();
        Page wrongCount = new Page();
        System.arraycopy(good, 0, wrongCount.bytes(), 0, good.length);
        assertThat(wrongCount.adopt(good.length, 3, 0, 0)).isFalse();
    }

    @Test
    void saysWhatIsWrongWithAHelloOfAnotherVersion() {
        ByteBuf hello = Unpooled.buffer();
        Frames.hello(hello, new Hello("a", 1, 0));
        byte[] body = new byte[hello.readableBytes() - Frames.HEADER_BYTES];
        hello.skipBytes(Frames.HEADER_BYTES).readBytes(body);
        assertThat(Frames.hello(body, body.length)).isEqualTo(new Hello("a", 1, 0));
        body[5] = 99;
        assertThatThrownBy(() -> Frames.hello(body, body.length)).hasMessageContaining("version=99");
    }
}
