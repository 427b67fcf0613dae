package dev.millrace.spark.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.exchange.Channel;
import dev.millrace.engine.network.Hello;
import dev.millrace.engine.network.LinkListener;
import dev.millrace.engine.network.LinkSettings;
import dev.millrace.engine.network.PeerLink;
import dev.millrace.engine.network.Reception;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.stream.Item;
import dev.millrace.spark.network.WorkerTransport.Address;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.spark.SecurityManager;
import org.apache.spark.SparkConf;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import scala.Option;

/** Two workers' ends over loopback, under each of Spark's ways to secure what its processes say to each other. */
class WorkerTransportTest {
    private static final Hello HELLO = new Hello("run-1", 1, 0);
    private static final LinkSettings SETTINGS = new LinkSettings(false, TimeUnit.SECONDS.toNanos(60));
    private static final int PAGES = 200;

    /** Keeps what it hears. */
    private static final class Heard implements LinkListener {
        final List<PeerLink> opened = new CopyOnWriteArrayList<>();
        final List<MillraceException> failures = new CopyOnWriteArrayList<>();

        @Override
        public void opened(PeerLink link) {
            opened.add(link);
        }

        @Override
        public void failed(PeerLink link, MillraceException cause) {
            failures.add(cause);
        }
    }

    /** One worker's side. */
    private static final class Side implements AutoCloseable {
        final Reception reception = new Reception(refusal -> {});
        final Heard heard = new Heard();
        final PeerLink link;
        final Channel out;
        final Channel in;
        final WorkerTransport transport;

        Side(SparkConf conf, boolean connects) {
            link = new PeerLink(HELLO, connects, SETTINGS, heard, System::nanoTime);
            out = link.sending(0, () -> {});
            in = link.receiving(0, () -> {});
            if (!connects) {
                reception.expect(link);
            }
            Option<byte[]> none = Option.empty();
            SecurityManager security = new SecurityManager(
                    conf, none, org.apache.spark.internal.config.package$.MODULE$.AUTH_SECRET_FILE());
            transport = WorkerTransport.open(conf, security, new Address("127.0.0.1", 0), 1, reception);
        }

        Address address() {
            return new Address("127.0.0.1", transport.port());
        }

        @Override
        public void close() {
            link.close();
            transport.close();
        }
    }

    private static SparkConf conf(Map<String, String> settings) {
        SparkConf conf = new SparkConf(false).set("spark.app.id", "app-1");
        settings.forEach(conf::set);
        return conf;
    }

    private static Map<String, String> secret(String secret) {
        return Map.of("spark.authenticate", "true", "spark.authenticate.secret", secret);
    }

    private static Map<String, String> plus(Map<String, String> settings, String... more) {
        Map<String, String> all = new java.util.HashMap<>(settings);
        for (int i = 0; i < more.length; i += 2) {
            all.put(more[i], more[i + 1]);
        }
        return all;
    }

    static Stream<Arguments> waysToSecure() {
        return Stream.of(
                Arguments.of("open", Map.of()),
                Arguments.of("authenticated", secret("s")),
                Arguments.of("SASL-encrypted", plus(secret("s"), "spark.authenticate.enableSaslEncryption", "true")),
                Arguments.of(
                        "AES-CTR",
                        plus(
                                secret("s"),
                                "spark.network.crypto.enabled",
                                "true",
                                "spark.network.crypto.cipher",
                                "AES/CTR/NoPadding")),
                Arguments.of(
                        "AES-GCM",
                        plus(
                                secret("s"),
                                "spark.network.crypto.enabled",
                                "true",
                                "spark.network.crypto.cipher",
                                "AES/GCM/NoPadding")));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("waysToSecure")
    void carriesPagesBothWays(String name, Map<String, String> settings) throws Exception {
        SparkConf conf = conf(settings);
        try (Side near = new Side(conf, true);
                Side far = new Side(conf, false)) {
            near.transport.connect(far.address(), near.link);
            assertCarriesPages(near, far);
        }
    }

    @Test
    void carriesPagesOverTls(@TempDir Path folder) throws Exception {
        Path keys = folder.resolve("keys.p12");
        Process keytool = new ProcessBuilder(keytool(keys)).inheritIO().start();
        assertThat(keytool.waitFor()).isZero();
        SparkConf conf = conf(Map.of(
                "spark.ssl.rpc.enabled", "true",
                "spark.ssl.rpc.keyStore", keys.toString(),
                "spark.ssl.rpc.keyStorePassword", "secret",
                "spark.ssl.rpc.keyPassword", "secret",
                "spark.ssl.rpc.protocol", "TLSv1.3",
                "spark.ssl.rpc.trustStore", keys.toString(),
                "spark.ssl.rpc.trustStorePassword", "secret"));
        try (Side near = new Side(conf, true);
                Side far = new Side(conf, false)) {
            near.transport.connect(far.address(), near.link);
            assertCarriesPages(near, far);
        }
    }

    private static List<String> keytool(Path keys) {
        return List.of(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                "worker",
                "-keyalg",
                "EC",
                "-dname",
                "CN=worker",
                "-storetype",
                "PKCS12",
                "-storepass",
                "secret",
                "-keystore",
                keys.toString());
    }

    private static void assertCarriesPages(Side near, Side far) throws InterruptedException {
        Thread back = new Thread(() -> send(far.out, 2));
        Thread there = new Thread(() -> send(near.out, 1));
        back.start();
        there.start();
        assertArrives(far, 1);
        assertArrives(near, 2);
        back.join();
        there.join();
        assertThat(near.heard.failures).isEmpty();
        assertThat(far.heard.failures).isEmpty();
    }

    private static void send(Channel out, long seed) {
        Random random = new Random(seed);
        for (int i = 0; i < PAGES; i++) {
            Page page = out.emptyPage();
            byte[] row = new byte[1 + random.nextInt(60_000)];
            random.nextBytes(row);
            page.append(row, 0, row.length, i, System.nanoTime());
            while (!out.offer(new Item.Rows(page))) {
                Thread.onSpinWait();
            }
        }
    }

    private static void assertArrives(Side at, long seed) {
        Random random = new Random(seed);
        for (int i = 0; i < PAGES; i++) {
            Item item = at.in.poll();
            while (item == null) {
                Thread.onSpinWait();
                assertThat(at.heard.failures).isEmpty();
                item = at.in.poll();
            }
            Page page = ((Item.Rows) item).page();
            byte[] row = new byte[1 + random.nextInt(60_000)];
            random.nextBytes(row);
            assertThat(page.keyGroup(0)).isEqualTo(i);
            assertThat(java.util.Arrays.copyOfRange(page.bytes(), Page.HEADER_BYTES, Page.HEADER_BYTES + row.length))
                    .isEqualTo(row);
            at.in.recycle(page);
        }
    }

    static Stream<Arguments> strangers() {
        Map<String, String> encrypted = plus(secret("right"), "spark.network.crypto.enabled", "true");
        return Stream.of(
                Arguments.of("another secret", secret("wrong"), secret("right")),
                Arguments.of(
                        "another secret, encrypted", plus(encrypted, "spark.authenticate.secret", "wrong"), encrypted),
                Arguments.of("no secret", Map.of(), secret("right")),
                Arguments.of("no secret, encrypted", Map.of(), encrypted));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("strangers")
    void givesNothingToWhoeverCannotAuthenticate(String name, Map<String, String> theirs, Map<String, String> ours) {
        try (Side stranger = new Side(conf(theirs), true);
                Side worker = new Side(conf(ours), false)) {
            assertThatThrownBy(() -> stranger.transport.connect(worker.address(), stranger.link))
                    .isInstanceOf(MillraceException.class)
                    .hasMessageContaining("MILLRACE_CONNECTION_FAILED")
                    .hasMessageContaining("spark.authenticate");
            assertThat(stranger.heard.opened).isEmpty();
            assertThat(worker.heard.opened).isEmpty();
        }
    }

    @Test
    void saysWhereItCannotConnectTo() {
        try (Side near = new Side(conf(Map.of()), true)) {
            Address gone = new Address("127.0.0.1", 1);
            assertThatThrownBy(() -> near.transport.connect(gone, near.link))
                    .hasMessageContaining("host=127.0.0.1, port=1");
        }
    }

    @Test
    void hangsUpOnBytesThatAreNoMessage() throws IOException {
        try (Side worker = new Side(conf(secret("right")), false);
                Socket socket = new Socket("127.0.0.1", worker.transport.port())) {
            socket.setSoTimeout(20_000);
            socket.getOutputStream().write(new byte[4096]);
            InputStream in = socket.getInputStream();
            await().until(() -> isClosed(in));
            assertThat(worker.heard.opened).isEmpty();
        }
    }

    private static boolean isClosed(InputStream in) {
        try {
            return in.read() < 0;
        } catch (IOException e) {
            return true;
        }
    }
}
