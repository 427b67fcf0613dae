package dev.millrace.bench.exchange;

import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.exchange.Channel;
import dev.millrace.engine.exchange.Signal;
import dev.millrace.engine.network.Hello;
import dev.millrace.engine.network.LinkListener;
import dev.millrace.engine.network.LinkSettings;
import dev.millrace.engine.network.PeerLink;
import dev.millrace.engine.network.Reception;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.stream.Item;
import dev.millrace.spark.network.WorkerTransport;
import dev.millrace.spark.network.WorkerTransport.Address;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SecurityManager;
import org.apache.spark.SparkConf;
import org.apache.spark.internal.config.package$;
import scala.Option;

/**
 * One end of a connection as two workers have it: full pages in one channel, which a thread fills and another empties
 * as loops do.
 */
final class MillraceExchange implements LinkListener {
    private static final String HOST = "127.0.0.1";
    private static final Hello HELLO = new Hello("bench", 1, 0);
    private static final LinkSettings SETTINGS = new LinkSettings(false, TimeUnit.SECONDS.toNanos(60));
    private static final long SLEEP_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final Reception reception = new Reception(refusal -> System.out.println("failed " + refusal));
    private final CountDownLatch open = new CountDownLatch(1);
    private final Signal signal = new Signal();

    /** Says the port, and counts what comes; never returns. */
    void receive(ByteMeter meter) throws InterruptedException {
        PeerLink link = new PeerLink(HELLO, false, SETTINGS, this, System::nanoTime);
        Channel channel = link.receiving(0, signal);
        reception.expect(link);
        WorkerTransport transport = transport();
        System.out.printf("ready {\"port\":%d}%n", transport.port());
        open.await();
        RowCursor cursor = new RowCursor();
        RowView view = new RowView();
        while (true) {
            signal.lower();
            Item item = channel.poll();
            if (item == null) {
                signal.await(SLEEP_NANOS);
            } else if (item instanceof Item.Rows rows) {
                Page page = rows.page();
                for (cursor.pointTo(page); cursor.hasRow(); cursor.advance()) {
                    cursor.row(view);
                    meter.row(view.bytes()[view.offset()]);
                }
                meter.add(page.endOffset());
                channel.recycle(page);
            }
        }
    }

    /** Sends full pages; never returns. */
    void send(int port) throws InterruptedException {
        PeerLink link = new PeerLink(HELLO, true, SETTINGS, this, System::nanoTime);
        Channel channel = link.sending(0, signal);
        transport().connect(new Address(HOST, port), link);
        open.await();
        byte[] row = new byte[ExchangeRows.ROW_BYTES];
        while (true) {
            Page page = channel.emptyPage();
            long readNanos = System.nanoTime();
            while (page.hasRoomFor(ExchangeRows.ROW_BYTES)) {
                page.append(row, 0, ExchangeRows.ROW_BYTES, 0, readNanos);
            }
            Item.Rows item = new Item.Rows(page);
            signal.lower();
            while (!channel.offer(item)) {
                signal.await(SLEEP_NANOS);
                signal.lower();
            }
        }
    }

    private WorkerTransport transport() {
        SparkConf conf = new SparkConf(false).set("spark.app.id", "bench");
        Option<byte[]> none = Option.empty();
        SecurityManager security = new SecurityManager(conf, none, package$.MODULE$.AUTH_SECRET_FILE());
        return WorkerTransport.open(conf, security, new Address(HOST, 0), 1, reception);
    }

    @Override
    public void opened(PeerLink link) {
        open.countDown();
    }

    @Override
    public void failed(PeerLink link, MillraceException cause) {
        System.out.println("failed " + cause.getMessage());
    }
}
