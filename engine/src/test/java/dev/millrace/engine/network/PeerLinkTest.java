package dev.millrace.engine.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.exchange.Channel;
import dev.millrace.engine.network.LoopbackNetwork.Heard;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.stream.Item;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Two workers of one process, over loopback. */
class PeerLinkTest {
    private static final Hello HELLO = new Hello("run-1", 1, 0);
    private static final LinkSettings PLAIN = new LinkSettings(false, TimeUnit.SECONDS.toNanos(60));

    private final LoopbackNetwork near = new LoopbackNetwork();
    private final LoopbackNetwork far = new LoopbackNetwork();
    private final Heard nearHeard = new Heard();
    private final Heard farHeard = new Heard();

    @AfterEach
    void close() {
        near.close();
        far.close();
    }

    private PeerLink nearEnd(LinkSettings settings) {
        return new PeerLink(HELLO, true, settings, nearHeard, System::nanoTime);
    }

    private PeerLink farEnd(LinkSettings settings) {
        return new PeerLink(HELLO, false, settings, farHeard, System::nanoTime);
    }

    private void connect(PeerLink nearEnd, PeerLink farEnd) {
        far.reception.expect(farEnd);
        near.connect(far.address(), nearEnd);
        await().until(() -> nearHeard.opened.size() == 1 && farHeard.opened.size() == 1);
    }

    private static Page page(Channel channel, String... rows) {
        Page page = channel.emptyPage();
        for (String row : rows) {
            byte[] bytes = row.getBytes(java.nio.charset.StandardCharsets.UTF_8);
            page.append(bytes, 0, bytes.length, bytes.length, System.nanoTime());
        }
        return page;
    }

    private static List<String> rows(Page page) {
        List<String> rows = new ArrayList<>();
        RowView row = new RowView();
        for (RowCursor cursor = new RowCursor().pointTo(page); cursor.hasRow(); cursor.advance()) {
            cursor.row(row);
            String text =
                    new String(row.bytes(), row.offset(), row.sizeBytes(), java.nio.charset.StandardCharsets.UTF_8);
            assertThat(cursor.keyGroup()).isEqualTo(row.sizeBytes());
            rows.add(text);
        }
        return rows;
    }

    private static Item take(Channel channel) {
        Item[] taken = new Item[1];
        await().pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(1))
                .until(() -> (taken[0] = channel.poll()) != null);
        return taken[0];
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void bringsRowsAndMarksInTheirOrderBothWays(boolean compresses) {
        LinkSettings settings = new LinkSettings(compresses, PLAIN.silenceLimitNanos());
        PeerLink nearEnd = nearEnd(settings);
        PeerLink farEnd = farEnd(settings);
        Channel there = nearEnd.sending(7, () -> {});
        Channel arriving = farEnd.receiving(7, () -> {});
        Channel back = farEnd.sending(7, () -> {});
        Channel returning = nearEnd.receiving(7, () -> {});
        connect(nearEnd, farEnd);

        String longRow = "long ".repeat(1000);
        Page page = page(there, "first", longRow);
        page.inputPartition(3);
        assertThat(there.offer(new Item.Rows(page))).isTrue();
        assertThat(there.offer(new Item.Watermark(42))).isTrue();
        assertThat(there.offer(new Item.Barrier(9, 77))).isTrue();
        assertThat(there.offer(Item.Idle.INSTANCE)).isTrue();
        assertThat(back.offer(new Item.Rows(page(back, "back")))).isTrue();

        Item.Rows arrived = (Item.Rows) take(arriving);
        assertThat(rows(arrived.page())).containsExactly("first", longRow);
        assertThat(arrived.page().inputPartition()).isEqualTo(3);
        assertThat(take(arriving)).isEqualTo(new Item.Watermark(42));
        assertThat(take(arriving)).isEqualTo(new Item.Barrier(9, 77));
        assertThat(take(arriving)).isEqualTo(Item.Idle.INSTANCE);
        assertThat(rows(((Item.Rows) take(returning)).page())).containsExactly("back");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void bringsARowOfManyMegabytes(boolean compresses) {
        LinkSettings settings = new LinkSettings(compresses, PLAIN.silenceLimitNanos());
        PeerLink nearEnd = nearEnd(settings);
        PeerLink farEnd = farEnd(settings);
        Channel there = nearEnd.sending(0, () -> {});
        Channel arriving = farEnd.receiving(0, () -> {});
        connect(nearEnd, farEnd);
        byte[] large = new byte[5_000_001];
        new Random(1).nextBytes(large);
        Page page = there.emptyPage();
        page.append(large, 0, large.length, 0, System.nanoTime());

        assertThat(there.offer(new Item.Rows(page))).isTrue();
        assertThat(there.offer(new Item.Barrier(1))).isTrue();

        Page arrived = ((Item.Rows) take(arriving)).page();
        assertThat(arrived.rowSizeBytes(0)).isEqualTo(large.length);
        assertThat(java.util.Arrays.copyOfRange(arrived.bytes(), Page.HEADER_BYTES, Page.HEADER_BYTES + large.length))
                .isEqualTo(large);
        assertThat(take(arriving)).isEqualTo(new Item.Barrier(1));
    }

    @Test
    void lastsForALongBacklogWithOneProducerAndOneConsumerThread() throws Exception {
        PeerLink nearEnd = nearEnd(PLAIN);
        PeerLink farEnd = farEnd(PLAIN);
        Channel there = nearEnd.sending(0, () -> {});
        Channel arriving = farEnd.receiving(0, () -> {});
        connect(nearEnd, farEnd);
        int pages = 5_000;
        Thread producer = new Thread(() -> {
            for (int i = 0; i < pages; i++) {
                Page page = page(there, "row " + i);
                while (!there.offer(new Item.Rows(page))) {
                    Thread.onSpinWait();
                }
            }
        });
        producer.start();

        for (int i = 0; i < pages; i++) {
            Item item = arriving.poll();
            while (item == null) {
                Thread.onSpinWait();
                assertThat(nearHeard.failures).isEmpty();
                assertThat(farHeard.failures).isEmpty();
                item = arriving.poll();
            }
            Page page = ((Item.Rows) item).page();
            assertThat(rows(page)).containsExactly("row " + i);
            arriving.recycle(page);
        }
        producer.join();
    }

    @Test
    void stopsAProducerWhoseConsumerTakesNothingAndGoesOnWhenItDoes() {
        PeerLink nearEnd = nearEnd(PLAIN);
        PeerLink farEnd = farEnd(PLAIN);
        java.util.concurrent.atomic.AtomicInteger woken = new java.util.concurrent.atomic.AtomicInteger();
        Channel there = nearEnd.sending(0, woken::incrementAndGet);
        Channel arriving = farEnd.receiving(0, () -> {});
        connect(nearEnd, farEnd);

        int sent = offerUntilFull(there);
        assertThat(sent).isEqualTo(2 * Channel.CAPACITY); // one ring full at each end, and nothing between

        int before = woken.get();
        for (int i = 0; i < sent; i++) {
            assertThat(take(arriving)).isEqualTo(new Item.Watermark(i));
        }
        assertThat(woken.get()).isGreaterThan(before);
        // Room is told of by half a ring, so of what was taken last the producer may not know yet.
        assertThat(offerUntilFull(there)).isBetween(3 * Channel.CAPACITY / 2 + 1, 2 * Channel.CAPACITY);
    }

    /** Offers until nothing has moved for a while. */
    private static int offerUntilFull(Channel channel) {
        int[] sent = {0};
        await().during(200, TimeUnit.MILLISECONDS).atMost(20, TimeUnit.SECONDS).until(() -> {
            int before = sent[0];
            while (channel.offer(new Item.Watermark(sent[0]))) {
                sent[0]++;
            }
            return sent[0] == before;
        });
        return sent[0];
    }

    @Test
    void letsNoSlowChannelHoldUpAnother() {
        PeerLink nearEnd = nearEnd(PLAIN);
        PeerLink farEnd = farEnd(PLAIN);
        Channel slow = nearEnd.sending(0, () -> {});
        Channel fast = nearEnd.sending(1, () -> {});
        farEnd.receiving(0, () -> {});
        Channel arriving = farEnd.receiving(1, () -> {});
        connect(nearEnd, farEnd);
        assertThat(offerUntilFull(slow)).isEqualTo(2 * Channel.CAPACITY);

        for (int i = 0; i < 300; i++) {
            assertThat(fast.offer(new Item.Watermark(i))).isTrue();
            assertThat(take(arriving)).isEqualTo(new Item.Watermark(i));
        }
    }

    @Test
    void keepsTheTimeAtWhichARowWasReadAlthoughClocksDiffer() {
        long ahead = TimeUnit.DAYS.toNanos(1000);
        PeerLink nearEnd = new PeerLink(HELLO, true, new LinkSettings(false, 50_000_000), nearHeard, System::nanoTime);
        PeerLink farEnd = new PeerLink(
                HELLO, false, new LinkSettings(false, 50_000_000), farHeard, () -> System.nanoTime() + ahead);
        Channel there = nearEnd.sending(0, () -> {});
        Channel arriving = farEnd.receiving(0, () -> {});
        connect(nearEnd, farEnd);
        long tolerance = TimeUnit.SECONDS.toNanos(1);

        await().untilAsserted(() -> {
            long readNanos = System.nanoTime() - TimeUnit.SECONDS.toNanos(30);
            Page page = there.emptyPage();
            page.append(new byte[8], 0, 8, 0, readNanos);
            assertThat(there.offer(new Item.Rows(page))).isTrue();
            long arrived = ((Item.Rows) take(arriving)).page().oldestReadNanos();
            assertThat(arrived - ahead).isBetween(readNanos - tolerance, readNanos + tolerance);
        });
    }

    @Test
    void refusesAnotherAttempt() {
        far.reception.expect(farEnd(PLAIN));
        PeerLink stale = new PeerLink(new Hello("run-0", 1, 0), true, PLAIN, nearHeard, System::nanoTime);

        near.connect(far.address(), stale);

        assertRefused("attempt=run-0");
        assertThat(farHeard.opened).isEmpty();
        assertThat(far.refused).hasSize(1).first().asString().contains("127.0.0.1", "attempt=run-0");
    }

    private void assertRefused(String fact) {
        await().until(() -> !nearHeard.failures.isEmpty());
        assertThat(nearHeard.failures.get(0).code()).isEqualTo(ErrorCode.CONNECTION_FAILED);
        assertThat(nearHeard.failures.get(0)).hasMessageContaining(fact).hasMessageContaining("refused");
    }

    @Test
    void refusesTheSameWorkerASecondTime() {
        PeerLink first = nearEnd(PLAIN);
        connect(first, farEnd(PLAIN));

        near.connect(far.address(), nearEnd(PLAIN));

        assertRefused("has been here before");
        assertThat(farHeard.failures).isEmpty();
    }

    @Test
    void tellsBothEndsThatAConnectionIsLost() {
        PeerLink farEnd = farEnd(PLAIN);
        far.reception.expect(farEnd);
        io.netty.channel.Channel socket = near.connect(far.address(), nearEnd(PLAIN));
        await().until(() -> nearHeard.opened.size() == 1 && farHeard.opened.size() == 1);

        socket.close(); // as the network would, not as a worker that means to end

        await().until(() -> nearHeard.failures.size() == 1 && farHeard.failures.size() == 1);
        assertThat(farHeard.failures.get(0))
                .hasMessageContaining("worker=1")
                .hasMessageContaining("it closed the connection");
    }

    @Test
    void keepsQuietAboutAConnectionThatWasClosedHere() {
        PeerLink nearEnd = nearEnd(PLAIN);
        connect(nearEnd, farEnd(PLAIN));

        nearEnd.close();

        await().until(() -> farHeard.failures.size() == 1);
        assertThat(nearHeard.failures).isEmpty();
    }

    @Test
    void failsWhenTheOtherWorkerFallsSilent() throws Exception {
        try (ServerSocket listening = new ServerSocket(0)) {
            near.connect(
                    (java.net.InetSocketAddress) listening.getLocalSocketAddress(),
                    nearEnd(new LinkSettings(false, TimeUnit.MILLISECONDS.toNanos(100))));
            try (Socket accepted = listening.accept()) {
                assertThat(accepted.isConnected()).isTrue();
                await().until(() -> nearHeard.failures.size() == 1);
            }
        }
        assertThat(nearHeard.failures.get(0)).hasMessageContaining("it said nothing for");
    }

    @Test
    void hearsEnoughOfAWorkerThatHasNothingToSend() {
        LinkSettings impatient = new LinkSettings(false, TimeUnit.SECONDS.toNanos(1));
        connect(nearEnd(impatient), farEnd(impatient));

        await().during(2, TimeUnit.SECONDS)
                .atMost(10, TimeUnit.SECONDS)
                .until(() -> nearHeard.failures.isEmpty() && farHeard.failures.isEmpty());
    }

    @ParameterizedTest
    @ValueSource(ints = {Integer.MAX_VALUE, -1, 0, 2000})
    void hangsUpOnAFirstFrameOfImpossibleLength(int length) throws Exception {
        try (Socket socket = connectRaw()) {
            DataOutputStream out = new DataOutputStream(socket.getOutputStream());
            out.writeInt(length);
            out.writeByte(Frames.HELLO);
            out.writeInt(Frames.NO_CHANNEL);
            out.flush();
            DataInputStream in = new DataInputStream(socket.getInputStream());
            int answerBytes = in.readInt();
            assertThat(in.readByte()).isEqualTo(Frames.REFUSED);
            in.readNBytes(answerBytes - 1);
            assertClosed(in);
        }
    }

    @Test
    void hangsUpOnWhoeverSpeaksOfSomethingElseFirst() throws Exception {
        try (Socket socket = connectRaw()) {
            socket.getOutputStream().write("GET / HTTP/1.1\r\n\r\n".getBytes(java.nio.charset.StandardCharsets.UTF_8));
            DataInputStream in = new DataInputStream(socket.getInputStream());
            in.readNBytes(in.readInt());
            assertClosed(in);
        }
    }

    /** Whoever has got in and then sends frames that cannot be is thrown out, and the link fails. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "7fffffff 01 00000000", // rows beyond any page
                "00000800 03 00000000", // a barrier of 2 KiB
                "00000005 63 00000000", // no such kind
                "0000000d 03 00000009 0000000000000001", // a barrier on a channel that does not come here
                "00000009 06 00000000 00000001", // credit for a channel that does not go there
                "00000005 0a ffffffff", // welcome from whoever was welcomed
                "0000001d 01 00000000 00000000 00000001 0000000000000000 7fffffff7fffffff" // a row beyond its page
            })
    void failsOnAFrameThatCannotBe(String hex) throws Exception {
        PeerLink farEnd = farEnd(PLAIN);
        farEnd.receiving(0, () -> {});
        far.reception.expect(farEnd);
        try (Socket socket = connectRaw()) {
            DataOutputStream out = new DataOutputStream(socket.getOutputStream());
            io.netty.buffer.ByteBuf hello = io.netty.buffer.Unpooled.buffer();
            Frames.hello(hello, HELLO);
            hello.readBytes(out, hello.readableBytes());
            await().until(() -> farHeard.opened.size() == 1);
            out.write(java.util.HexFormat.of().parseHex(hex.replace(" ", "")));
            out.flush();
            await().until(() -> farHeard.failures.size() == 1);
            assertThat(farHeard.failures.get(0)).hasMessageContaining("MILLRACE_CONNECTION_FAILED");
            DataInputStream in = new DataInputStream(socket.getInputStream());
            for (int read = 0; read >= 0; ) {
                read = readOrReset(in);
            }
        }
    }

    private Socket connectRaw() throws IOException {
        Socket socket = new Socket(far.address().getAddress(), far.address().getPort());
        socket.setSoTimeout(20_000);
        return socket;
    }

    private static int readOrReset(DataInputStream in) throws IOException {
        try {
            return in.read();
        } catch (SocketException | EOFException e) {
            return -1;
        }
    }

    private static void assertClosed(DataInputStream in) throws IOException {
        assertThat(readOrReset(in)).isEqualTo(-1);
    }
}
