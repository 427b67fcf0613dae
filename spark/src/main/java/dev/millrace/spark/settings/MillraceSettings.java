package dev.millrace.spark.settings;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.network.util.ByteUnit;
import org.apache.spark.network.util.JavaUtils;
import org.apache.spark.sql.internal.SQLConf;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a user may set, as it stood when a query was started.
 *
 * <p>Thread: any.
 *
 * @param isEnabled whether real-time queries run on Millrace
 * @param loopCount tasks per stage and loops per query
 * @param stateMemoryBytes memory for keyed state, shared by all queries of the process
 * @param localCopyBytes how much local copies of snapshot files may take on each process's disk; 0 for none
 * @param everyChange whether update mode emits a row for every change
 * @param watermarkIdleMillis after how long without rows an input partition holds no watermark back
 * @param staticRefreshMillis the least time between two looks at static tables, or -1 for none
 * @param restoreEpoch the epoch to go back to, or -1 for the last committed one
 * @param importsState whether state of stock Spark is brought over
 * @param recoveryAttempts how often a query may recover within the window
 * @param recoveryWindowMillis after how long a failure does not count any more
 * @param recoveryBackoffMillis the wait before the second attempt in a row
 * @param progressIntervalMillis how often progress is reported within an epoch
 * @param pollIntervalMillis the least wait before a source that is polled is asked again
 * @param cluster where queries run on executors
 */
public record MillraceSettings(
        boolean isEnabled,
        int loopCount,
        long stateMemoryBytes,
        long localCopyBytes,
        boolean everyChange,
        long watermarkIdleMillis,
        long staticRefreshMillis,
        long restoreEpoch,
        boolean importsState,
        int recoveryAttempts,
        long recoveryWindowMillis,
        long recoveryBackoffMillis,
        long progressIntervalMillis,
        long pollIntervalMillis,
        ClusterSettings cluster) {
    /** What all names of settings start with. */
    public static final String PREFIX = "spark.millrace.";

    /** The shortest time between two barriers. */
    public static final long MIN_INTERVAL_MILLIS = 100;

    public static final Setting<Boolean> ENABLED = new Setting<>(
            PREFIX + "enabled",
            "true or false",
            "true",
            "Whether queries with Trigger.RealTime run on Millrace. Set to false, also between two queries of one "
                    + "session, they run on stock Spark.",
            MillraceSettings::parseBoolean);

    public static final Setting<Triggers> TRIGGERS = new Setting<>(
            PREFIX + "triggers",
            "realtime or all",
            "realtime",
            "Which queries run on Millrace: those with Trigger.RealTime, or also those with ProcessingTime, AvailableNow, "
                    + "Once or no trigger, in bounded epochs that answer as Spark's micro-batches do.",
            MillraceSettings::parseTriggers);

    public static final Setting<Integer> LOOPS = new Setting<>(
            PREFIX + "loops",
            "a whole number from 1 to 1024",
            "the cores of a local master, at most those of the machine; on executors one less than their cores",
            "Threads that step a query's tasks, and tasks per stage, in the driver or on each executor that the query runs on.",
            text -> parseInteger(text, 1, 1024));

    public static final Setting<Long> STATE_MEMORY = new Setting<>(
            PREFIX + "state.memory",
            "a size of at least 1m, such as 512m or 4g",
            "40 % of the largest heap",
            "Memory for keyed state, shared by all queries of the process. Unit: bytes, or with a suffix.",
            MillraceSettings::parseStateMemory);

    public static final Setting<Long> LOCAL_COPIES = new Setting<>(
            PREFIX + "state.localCopies",
            "a size, such as 512m or 8g, or 0 for none",
            "8g",
            "How much of Spark's local directory each process may use for copies of the snapshot files that it wrote or "
                    + "read, so that a query that recovers there need not read them again. Unit: bytes, or with a suffix.",
            MillraceSettings::parseSize);

    public static final Setting<Boolean> EVERY_CHANGE = new Setting<>(
            PREFIX + "update.everyChange",
            "true or false",
            "false",
            "Whether update mode emits a row for every change of a key. Otherwise rows of a key that come in one go, as "
                    + "in a backlog, are answered with one row.",
            MillraceSettings::parseBoolean);

    public static final Setting<Long> WATERMARK_IDLE_AFTER = new Setting<>(
            PREFIX + "watermark.idleAfter",
            "a time of at least 1ms, such as 500ms or 30s",
            "30s",
            "After how long without rows an input partition holds no watermark back. Unit: milliseconds, or with a "
                    + "suffix.",
            MillraceSettings::parseMillis);

    public static final Setting<Long> STATIC_REFRESH = new Setting<>(
            PREFIX + "static.refresh",
            "a time, such as 0s or 5m, or never",
            "1m",
            "How long after static tables (the other side of a join, a subquery) were read they are read again, at the end "
                    + "of an epoch; with 0s at the end of each. When they hold something else, the query goes on with that "
                    + "from its next epoch. Unit: milliseconds, or with a suffix.",
            MillraceSettings::parseRefresh);

    public static final Setting<Long> RESTORE_EPOCH = new Setting<>(
            PREFIX + "restore.epoch",
            "the number of an epoch that the checkpoint still holds",
            "the last committed epoch",
            "The epoch behind which a query goes on when it starts from its checkpoint. Rows behind it are read again. "
                    + "Unset it once the query runs, or each restart goes back again.",
            MillraceSettings::parseEpoch);

    public static final Setting<Boolean> CHECKPOINT_IMPORT = new Setting<>(
            PREFIX + "checkpoint.import",
            "true or false",
            "false",
            "Whether a query that starts on a checkpoint with state of stock Spark brings that state over. From its first "
                    + "epoch on, Spark's own engine cannot go on from the checkpoint any more.",
            MillraceSettings::parseBoolean);

    public static final Setting<Integer> RECOVERY_ATTEMPTS = new Setting<>(
            PREFIX + "recovery.attempts",
            "a whole number from 0 to 1000000",
            "20",
            "How often a query that failed goes on from its checkpoint by itself, within the window of "
                    + "spark.millrace.recovery.window. With 0 each failure ends the query.",
            text -> parseInteger(text, 0, 1_000_000));

    public static final Setting<Long> RECOVERY_WINDOW = new Setting<>(
            PREFIX + "recovery.window",
            "a time of at least 1ms, such as 30s or 10m",
            "10m",
            "After how long a failure does not count any more. Unit: milliseconds, or with a suffix.",
            MillraceSettings::parseMillis);

    public static final Setting<Long> RECOVERY_BACKOFF = new Setting<>(
            PREFIX + "recovery.backoff",
            "a time of at least 1ms, such as 100ms or 1s",
            "100ms",
            "How long to wait before the second attempt in a row to recover; the first comes at once, and each further "
                    + "wait is twice as long, up to 10s. Unit: milliseconds, or with a suffix.",
            MillraceSettings::parseMillis);

    public static final Setting<Long> PROGRESS_INTERVAL = new Setting<>(
            PREFIX + "progress.interval",
            "a time of at least 1ms, such as 1s or 10s",
            "10s",
            "How often a query reports its progress within an epoch that lasts longer. Unit: milliseconds, or with a "
                    + "suffix.",
            MillraceSettings::parseMillis);

    /** Read where late rows go; listed here, where all that a user may set is. */
    public static final Setting<String> LATE_FORMAT = new Setting<>(
            PREFIX + "late.format",
            "a streaming sink's format, such as kafka or parquet",
            "none: late rows are only counted",
            "Where rows go that an operator drops as late, with its name; see operators.md. The sink's options are "
                    + "spark.millrace.late.option.<name>. Commits with the query's own sink.",
            text -> text);

    /** What the names of the options of a sink for late rows start with. */
    public static final String LATE_OPTIONS = PREFIX + "late.option.";

    public static final Setting<Long> POLL_INTERVAL = new Setting<>(
            PREFIX + "poll.interval",
            "a time of at least 1ms, such as 5ms or 1s",
            "5ms",
            "How long to wait, when there was nothing new, before a source that can only be read batch by batch (files, "
                    + "and whatever has neither real-time nor continuous reads) is asked again. A source that is slow to "
                    + "answer is asked less often, so that asking takes a tenth of the time at most. Unit: milliseconds, "
                    + "or with a suffix.",
            MillraceSettings::parseMillis);

    public static final Setting<Integer> WORKERS = new Setting<>(
            PREFIX + "workers",
            "a whole number from 0 to 10000, or all",
            "all executors with two cores or more; the driver alone on a local master",
            "On how many executors a query runs; with 0 in the driver alone, with all on as many as there are. It may be "
                    + "changed while a query runs, which goes on with the new number at its next epoch. A local master has "
                    + "no executors to run on.",
            MillraceSettings::parseWorkers);

    public static final Setting<Long> WORKERS_TIMEOUT = new Setting<>(
            PREFIX + "workers.timeout",
            "a time of at least 1ms, such as 30s or 5m",
            "60s",
            "How long a query that starts waits for its workers, and for their answers. Unit: milliseconds, or with a "
                    + "suffix.",
            MillraceSettings::parseMillis);

    public static final Setting<Long> DETECTION = new Setting<>(
            PREFIX + "detection",
            "a time of at least 500ms, such as 2s or 10s",
            "5s",
            "After how long without a sign of life a worker on an executor counts as lost. An executor that dies is found "
                    + "at once. Unit: milliseconds, or with a suffix.",
            MillraceSettings::parseDetection);

    public static final Setting<Boolean> EXCHANGE_COMPRESS = new Setting<>(
            PREFIX + "exchange.compress",
            "true or false",
            "false",
            "Whether rows that go from one executor to another are compressed.",
            MillraceSettings::parseBoolean);

    /** Read where the Kafka source is; listed here, where all that a user may set is. */
    public static final Setting<Boolean> KAFKA_NATIVE = new Setting<>(
            PREFIX + "kafka.native",
            "true or false",
            "true",
            "Whether Millrace reads Kafka itself, with one consumer for all partitions of a source, or one per loop in "
                    + "bounded epochs, and makes the records that it writes. With false Spark's reader does, with one "
                    + "for each, and Spark's writer. Offsets and options are Spark's either way.",
            MillraceSettings::parseBoolean);

    /** Read where the Kafka sink is; listed here, where all that a user may set is. */
    public static final Setting<Boolean> KAFKA_TRANSACTIONAL = new Setting<>(
            PREFIX + "kafka.transactional",
            "true or false",
            "false",
            "Whether Kafka sinks write in transactions, so that read_committed readers see each row exactly once. Also "
                    + "an option of a sink, which wins. Otherwise Kafka output is at least once.",
            MillraceSettings::parseBoolean);

    /**
     * Set by Millrace itself where it switched Spark's allow-list for real-time queries off, so that
     * it can be switched on again.
     */
    public static final String ALLOW_LIST_RELAXED = PREFIX + "internal.allowListRelaxed";

    /** All settings, in the order of their documentation. */
    public static final List<Setting<?>> ALL = List.of(
            ENABLED,
            TRIGGERS,
            LOOPS,
            STATE_MEMORY,
            LOCAL_COPIES,
            EVERY_CHANGE,
            WATERMARK_IDLE_AFTER,
            STATIC_REFRESH,
            RESTORE_EPOCH,
            CHECKPOINT_IMPORT,
            RECOVERY_ATTEMPTS,
            RECOVERY_WINDOW,
            RECOVERY_BACKOFF,
            PROGRESS_INTERVAL,
            LATE_FORMAT,
            POLL_INTERVAL,
            WORKERS,
            WORKERS_TIMEOUT,
            DETECTION,
            EXCHANGE_COMPRESS,
            KAFKA_NATIVE,
            KAFKA_TRANSACTIONAL);

    private static final Logger LOG = LoggerFactory.getLogger(MillraceSettings.class);
    private static final Set<String> WARNED = ConcurrentHashMap.newKeySet();
    private static final Pattern LOCAL_CORES = Pattern.compile("local(?:\\[\\s*(\\*|\\d+)\\s*(?:,\\s*\\d+\\s*)?])?");

    /** Reads the settings of a session. Errors: UNSUPPORTED_SETTING. */
    public static MillraceSettings read(SQLConf conf, String master) {
        warnOfUnknownNames(conf);
        return new MillraceSettings(
                ENABLED.read(conf, true),
                LOOPS.read(conf, defaultLoopCount(master)),
                STATE_MEMORY.read(conf, defaultStateMemoryBytes()),
                LOCAL_COPIES.read(conf, 8L << 30),
                EVERY_CHANGE.read(conf, false),
                WATERMARK_IDLE_AFTER.read(conf, TimeUnit.SECONDS.toMillis(30)),
                STATIC_REFRESH.read(conf, TimeUnit.MINUTES.toMillis(1)),
                RESTORE_EPOCH.read(conf, -1L),
                CHECKPOINT_IMPORT.read(conf, false),
                RECOVERY_ATTEMPTS.read(conf, 20),
                RECOVERY_WINDOW.read(conf, TimeUnit.MINUTES.toMillis(10)),
                RECOVERY_BACKOFF.read(conf, 100L),
                PROGRESS_INTERVAL.read(conf, TimeUnit.SECONDS.toMillis(10)),
                POLL_INTERVAL.read(conf, 5L),
                ClusterSettings.read(conf));
    }

    /** Whether real-time queries of a session run on Millrace. Errors: UNSUPPORTED_SETTING. */
    public static boolean isEnabled(SQLConf conf) {
        return ENABLED.read(conf, true);
    }

    /** The triggers whose queries run on Millrace while it is enabled. Errors: UNSUPPORTED_SETTING. */
    public static Triggers triggers(SQLConf conf) {
        return TRIGGERS.read(conf, Triggers.REAL_TIME);
    }

    private static void warnOfUnknownNames(SQLConf conf) {
        scala.collection.Iterator<String> names = conf.getAllConfs().keysIterator();
        while (names.hasNext()) {
            String name = names.next();
            if (name.startsWith(PREFIX) && !isKnown(name) && WARNED.add(name)) {
                LOG.warn(
                        "There is no setting {}. Its value has no effect; the settings are {}.",
                        name,
                        ALL.stream().map(Setting::key).toList());
            }
        }
    }

    private static boolean isKnown(String name) {
        return name.equals(ALLOW_LIST_RELAXED)
                || name.startsWith(LATE_OPTIONS)
                || ALL.stream().anyMatch(setting -> setting.key().equals(name));
    }

    private static int defaultLoopCount(String master) {
        int machine = Runtime.getRuntime().availableProcessors();
        Matcher local = LOCAL_CORES.matcher(master);
        if (!local.matches() || "*".equals(local.group(1))) {
            return machine;
        }
        String cores = local.group(1);
        return cores == null ? 1 : Math.max(1, Math.min(machine, Integer.parseInt(cores)));
    }

    /** What keyed state may take in this process where nothing is set. */
    public static long defaultStateMemoryBytes() {
        return Runtime.getRuntime().maxMemory() / 10 * 4;
    }

    private static boolean parseBoolean(String text) {
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "true" -> true;
            case "false" -> false;
            default -> throw new IllegalArgumentException("neither true nor false");
        };
    }

    private static Triggers parseTriggers(String text) {
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "realtime" -> Triggers.REAL_TIME;
            case "all" -> Triggers.ALL;
            default -> throw new IllegalArgumentException("neither realtime nor all");
        };
    }

    private static int parseInteger(String text, int least, int most) {
        int value = Integer.parseInt(text);
        if (value < least || value > most) {
            throw new IllegalArgumentException("out of range");
        }
        return value;
    }

    private static long parseSize(String text) {
        return JavaUtils.byteStringAs(text, ByteUnit.BYTE);
    }

    private static long parseStateMemory(String text) {
        long value = parseSize(text);
        if (value < 1L << 20) {
            throw new IllegalArgumentException("too small");
        }
        return value;
    }

    private static long parseEpoch(String text) {
        long value = Long.parseLong(text);
        if (value < 0) {
            throw new IllegalArgumentException("negative");
        }
        return value;
    }

    private static long parseMillis(String text) {
        long value = JavaUtils.timeStringAs(text, TimeUnit.MILLISECONDS);
        if (value < 1) {
            throw new IllegalArgumentException("too short");
        }
        return value;
    }

    private static long parseRefresh(String text) {
        if (text.equalsIgnoreCase("never")) {
            return -1;
        }
        long value = JavaUtils.timeStringAs(text, TimeUnit.MILLISECONDS);
        if (value < 0) {
            throw new IllegalArgumentException("below 0");
        }
        return value;
    }

    private static int parseWorkers(String text) {
        return text.equalsIgnoreCase("all") ? ClusterSettings.ALL : parseInteger(text, 0, 10_000);
    }

    private static long parseDetection(String text) {
        long value = parseMillis(text);
        if (value < 500) {
            throw new IllegalArgumentException("too short");
        }
        return value;
    }

    /** Refuses an interval between barriers that is too short. Errors: UNSUPPORTED_TRIGGER. */
    public static void checkInterval(long intervalMillis) {
        if (intervalMillis < MIN_INTERVAL_MILLIS) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_TRIGGER,
                    "Cannot start the query: trigger interval=%d ms, least=%d ms. Give Trigger.RealTime a longer one; "
                                    .formatted(intervalMillis, MIN_INTERVAL_MILLIS)
                            + "rows do not wait for it, it is only how often progress is made durable.");
        }
    }
}
