package dev.millrace.bench.workload;

import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The events of an auction house, in Nexmark's proportions: of each fifty in a row one is a person who registers, three
 * are auctions that begin, and the rest are bids. Half of all bids go to the auction that is hot at the time, three of
 * four auctions belong to a hot seller, and three of four bids come from a hot bidder. One table holds all; {@code kind}
 * tells them apart, and columns of other kinds are null.
 *
 * <p>Source: Tucker and others, "NEXMark, A Benchmark for Queries over Data Streams", with the proportions of its later
 * implementations.
 */
public record NexmarkRows() implements Rows {
    static final int PERSON = 0;
    static final int AUCTION = 1;
    static final int BID = 2;

    private static final int EPOCH_EVENTS = 50;
    private static final int EPOCH_AUCTIONS = 3;
    private static final int FIRST_BID = 1 + EPOCH_AUCTIONS;
    private static final long FIRST_ID = 1_000;
    private static final int FIRST_CATEGORY = 10;
    private static final int CATEGORY_COUNT = 5;
    private static final int HOT_EVERY = 100;
    private static final int RECENT_PERSONS = 1_000;
    private static final int RECENT_AUCTIONS = 100;
    private static final int EVENTS_PER_MILLI = 10;
    private static final int MAX_OPEN_MILLIS = 10_000;

    /** Of the table's first row. Units: milliseconds since 1970. */
    private static final long FIRST_MILLIS = 1_700_000_000_000L;

    private static final byte[][] NAMES =
            texts("Ada Berg,Bo Chen,Cleo Diaz,Dev Evans,Edda Fox,Finn Gray,Gus Hill,Ida Ito");
    private static final byte[][] CITIES = texts("Phoenix,Portland,Boise,Bend,Seattle,Redmond,San Mateo,Kent");
    private static final byte[][] STATES = texts("AZ,CA,ID,OR,WA,WY");
    private static final byte[][] CHANNELS = texts("Google,Facebook,Baidu,Apple");
    private static final byte[][] EXTRAS = extras(64);
    private static final byte[][] HOT_URLS = urls(4);
    private static final byte[][] OTHER_CHANNELS = texts(10_000, "channel-");
    private static final byte[][] OTHER_URLS = urls(10_000);
    private static final byte[][] ITEMS = texts(1_000, "item ");

    private static final List<Column> COLUMNS = List.of(
            new Column("kind", Column.Type.INT),
            new Column("event_time", Column.Type.TIME),
            new Column("person_id", Column.Type.LONG),
            new Column("name", Column.Type.STRING),
            new Column("email", Column.Type.STRING),
            new Column("city", Column.Type.STRING),
            new Column("state", Column.Type.STRING),
            new Column("auction_id", Column.Type.LONG),
            new Column("item", Column.Type.STRING),
            new Column("description", Column.Type.STRING),
            new Column("initial_bid", Column.Type.LONG),
            new Column("reserve", Column.Type.LONG),
            new Column("expires", Column.Type.TIME),
            new Column("seller", Column.Type.LONG),
            new Column("category", Column.Type.LONG),
            new Column("auction", Column.Type.LONG),
            new Column("bidder", Column.Type.LONG),
            new Column("price", Column.Type.LONG),
            new Column("channel", Column.Type.STRING),
            new Column("url", Column.Type.STRING),
            new Column("extra", Column.Type.STRING));

    @Override
    public List<Column> columns() {
        return COLUMNS;
    }

    @Override
    public long millis(long index) {
        return FIRST_MILLIS + index / EVENTS_PER_MILLI;
    }

    @Override
    public void write(long index, RowTarget target) {
        long epoch = index / EPOCH_EVENTS;
        int place = (int) (index % EPOCH_EVENTS);
        target.setTime(1, millis(index));
        if (place == 0) {
            target.setInt(0, PERSON);
            person(index, epoch, target);
        } else if (place < FIRST_BID) {
            target.setInt(0, AUCTION);
            auction(index, epoch, place - 1, target);
        } else {
            target.setInt(0, BID);
            bid(index, epoch, target);
        }
        if (target.wants(20)) {
            target.setString(20, pick(EXTRAS, IndexHash.of(index ^ 7)));
        }
    }

    private static void person(long index, long epoch, RowTarget target) {
        long hash = IndexHash.of(index);
        target.setLong(2, FIRST_ID + epoch);
        target.setString(3, pick(NAMES, hash));
        target.setString(4, pick(ITEMS, hash));
        target.setString(5, pick(CITIES, hash << 8));
        target.setString(6, pick(STATES, hash << 16));
    }

    private void auction(long index, long epoch, int number, RowTarget target) {
        long hash = IndexHash.of(index);
        target.setLong(7, FIRST_ID + epoch * EPOCH_AUCTIONS + number);
        target.setString(8, pick(ITEMS, hash));
        target.setString(9, pick(EXTRAS, hash));
        long initial = price(hash);
        target.setLong(10, initial);
        target.setLong(11, initial + price(hash << 8));
        target.setTime(12, millis(index) + 1 + IndexHash.below(hash << 4, MAX_OPEN_MILLIS));
        target.setLong(13, FIRST_ID + recent(hash, epoch, RECENT_PERSONS, 3));
        target.setLong(14, FIRST_CATEGORY + IndexHash.below(hash << 12, CATEGORY_COUNT));
    }

    private static void bid(long index, long epoch, RowTarget target) {
        long hash = IndexHash.of(index);
        target.setLong(15, FIRST_ID + recent(hash, epoch * EPOCH_AUCTIONS, RECENT_AUCTIONS, 2));
        target.setLong(16, FIRST_ID + recent(hash << 20, epoch, RECENT_PERSONS, 3));
        target.setLong(17, price(hash << 10));
        boolean hot = (hash & 1) == 0;
        if (target.wants(18)) {
            target.setString(18, pick(hot ? CHANNELS : OTHER_CHANNELS, hash << 6));
        }
        if (target.wants(19)) {
            target.setString(19, pick(hot ? HOT_URLS : OTHER_URLS, hash << 6));
        }
    }

    /** One of the last that there are; the hot one, which changes now and then, {@code hotness} of {@code hotness + 1} times. */
    private static long recent(long hash, long newest, int count, int hotness) {
        if ((hash >>> 32 & 3) < hotness) {
            return newest / HOT_EVERY * HOT_EVERY;
        }
        return Math.max(0, newest - IndexHash.below(hash << 2, count));
    }

    /** From 100 to 100 million, small ones more often. */
    private static long price(long hash) {
        double exponent = IndexHash.below(hash, 1 << 20) / (double) (1 << 20) * 6;
        return Math.round(Math.pow(10, exponent) * 100);
    }

    private static byte[] pick(byte[][] texts, long hash) {
        return texts[IndexHash.below(hash, texts.length)];
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[][] texts(String words) {
        String[] all = words.split(",", -1);
        byte[][] texts = new byte[all.length][];
        for (int i = 0; i < all.length; i++) {
            texts[i] = bytes(all[i]);
        }
        return texts;
    }

    private static byte[][] texts(int count, String before) {
        byte[][] texts = new byte[count][];
        for (int i = 0; i < count; i++) {
            texts[i] = bytes(before + i);
        }
        return texts;
    }

    private static byte[][] urls(int count) {
        byte[][] texts = new byte[count][];
        for (int i = 0; i < count; i++) {
            String channel = i % 10 == 0 ? "" : "&channel_id=" + Integer.reverse(i);
            texts[i] = bytes("https://www.example.com/a%d/b%d/c%d/item.htm?query=1%s"
                    .formatted(i % 7, i % 11, i % 13, channel.replace("-", "")));
        }
        return texts;
    }

    /** Texts of some hundred letters. */
    private static byte[][] extras(int count) {
        byte[][] texts = new byte[count][];
        for (int i = 0; i < count; i++) {
            StringBuilder text = new StringBuilder();
            for (int letter = 0; letter < 100; letter++) {
                text.append((char) ('a' + IndexHash.below(IndexHash.of(i * 100L + letter), 26)));
            }
            texts[i] = bytes(text.toString());
        }
        return texts;
    }
}
