package dev.millrace.kafka.sink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.kafka.broker.KafkaBroker;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.write.DataWriter;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.apache.spark.sql.kafka010.KafkaSourceProvider;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The write alone, through the crashes that a query may suffer, against a real broker. */
@Timeout(120)
final class TransactionalWriteSparkTest {
    private static final StructType SCHEMA = new StructType().add("value", "string");

    @TempDir
    private static Path brokerFolder;

    private static KafkaBroker broker;
    private static SparkSession session;
    private static Admin admin;

    private final String queryId = UUID.randomUUID().toString();
    private final String topic = "out-" + queryId;
    private TransactionSettings settings;

    /** Those that Spark keeps for sinks without transactions, where tests of such ran before. */
    private Set<Thread> othersProducers = Set.of();

    @BeforeAll
    static void start() throws Exception {
        broker = KafkaBroker.start(brokerFolder.resolve("broker"));
        session = SparkSession.builder()
                .master("local[1]")
                .config("spark.ui.enabled", "false")
                .getOrCreate();
        session.sparkContext().setLogLevel("ERROR");
        admin = Admin.create(Map.<String, Object>of("bootstrap.servers", broker.bootstrap()));
    }

    @AfterAll
    static void stop() throws Exception {
        session.stop();
        admin.close(Duration.ofSeconds(1));
        broker.close();
    }

    @BeforeEach
    void createTopic() throws Exception {
        othersProducers = producerThreads();
        admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
        settings = TransactionSettings.of(new dev.millrace.spark.sink.WriteRequest(
                (org.apache.spark.sql.classic.SparkSession) session,
                new KafkaSourceProvider().getTable(CaseInsensitiveStringMap.empty()),
                new CaseInsensitiveStringMap(Map.of("kafka.bootstrap.servers", broker.bootstrap(), "topic", topic)),
                SCHEMA,
                OutputMode.Update(),
                queryId,
                "unused",
                200,
                false));
    }

    @AfterEach
    void leavesNoProducerBehind() {
        assertThat(othersProducers).containsAll(producerThreads());
    }

    private static Set<Thread> producerThreads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("kafka-producer-network-thread"))
                .collect(Collectors.toSet());
    }

    @Test
    void showsAnEpochOnceItIsCommittedWhileTheNextOnesFlow() throws Exception {
        Attempt attempt = new Attempt(settings, 2).takeOver();
        WriterCommitMessage first = attempt.prepare(0, 1, "a");
        WriterCommitMessage second = attempt.prepare(1, 1, "b");
        WriterCommitMessage next = attempt.prepare(0, 2, "c");
        WriterCommitMessage idle = attempt.prepare(1, 2);
        assertThat(committed()).isEmpty();

        attempt.commit(1, first, second);
        assertThat(committed()).containsExactly("a", "b");
        attempt.commit(2, next, idle);
        assertThat(committed()).containsExactly("a", "b", "c");
        attempt.crash();
    }

    @Test
    void usesItsProducersInTurn() throws Exception {
        Attempt attempt = new Attempt(settings, 1).takeOver();
        int epochs = 3 * TransactionNames.SLOTS;
        for (int epoch = 0; epoch < epochs; epoch++) {
            attempt.commit(epoch, attempt.prepare(0, epoch, "row " + epoch));
        }

        assertThat(committed()).hasSize(epochs).doesNotHaveDuplicates();
        assertThat(transactions()).hasSize(TransactionNames.SLOTS);
        attempt.crash();
    }

    @Test
    void beginsNoTransactionForAnEpochWithoutRows() throws Exception {
        Attempt attempt = new Attempt(settings, 1).takeOver();
        attempt.commit(1, attempt.prepare(0, 1));

        assertThat(transactions()).isEmpty();
        attempt.crash();
    }

    @Test
    void commitsWhatACrashedProcessPrepared() throws Exception {
        Attempt crashed = new Attempt(settings, 2).takeOver();
        WriterCommitMessage first = crashed.prepare(0, 7, "a");
        WriterCommitMessage second = crashed.prepare(1, 7, "b");
        WriterCommitMessage lost = crashed.prepare(0, 8, "again");
        crashed.begin(1, 8, "again");
        crashed.crash();

        Attempt restarted = new Attempt(settings, 2);
        restarted.commit(7, first, second);
        restarted.takeOver();
        assertThat(committed()).containsExactly("a", "b");
        restarted.commit(8, restarted.prepare(0, 8, "again"), restarted.prepare(1, 8));

        assertThat(committed()).containsExactly("a", "b", "again");
        assertThatThrownBy(() -> restarted.commit(8, lost)).hasMessageContaining("MILLRACE_SINK_DATA_LOST");
        restarted.crash();
    }

    @Test
    void repeatsACommitThatWasCutShort() throws Exception {
        Attempt crashed = new Attempt(settings, 2).takeOver();
        WriterCommitMessage first = crashed.prepare(0, 3, "a");
        WriterCommitMessage second = crashed.prepare(1, 3, "b");
        crashed.commit(3, first);
        crashed.crash();

        for (int repetition = 0; repetition < 3; repetition++) {
            Attempt restarted = new Attempt(settings, 2);
            restarted.commit(3, first, second);
            restarted.crash();
        }
        assertThat(committed()).containsExactly("a", "b");
    }

    @Test
    void repeatsACommitAlthoughLaterEpochsHaveBegun() throws Exception {
        Attempt crashed = new Attempt(settings, 1).takeOver();
        WriterCommitMessage durable = crashed.prepare(0, 4, "4");
        crashed.commit(4, durable);
        // As far as a task may run ahead of epoch 4's entry in the commit log.
        crashed.prepare(0, 5, "5");
        crashed.prepare(0, 6, "6");
        crashed.begin(0, 7, "7");
        crashed.crash();

        Attempt restarted = new Attempt(settings, 1);
        restarted.commit(4, durable);
        restarted.takeOver();
        restarted.commit(5, restarted.prepare(0, 5, "5"));

        assertThat(committed()).containsExactly("4", "5");
        restarted.crash();
    }

    @Test
    void abortsWhatMoreTasksLeftOpenThanThereAreNow() throws Exception {
        Attempt crashed = new Attempt(settings, 3).takeOver();
        for (int task = 0; task < 3; task++) {
            crashed.prepare(task, 1, "never");
            crashed.begin(task, 2, "never");
        }
        crashed.crash();

        Attempt smaller = new Attempt(settings, 1).takeOver();
        smaller.commit(1, smaller.prepare(0, 1, "a"));
        assertThat(committed()).containsExactly("a");
        smaller.crash();

        Attempt larger = new Attempt(settings, 4).takeOver();
        larger.commit(2, larger.prepare(3, 2, "b"));
        assertThat(committed()).containsExactly("a", "b");
        larger.crash();
    }

    @Test
    void fencesAZombie() throws Exception {
        Attempt zombie = new Attempt(settings, 2).takeOver();
        WriterCommitMessage prepared = zombie.prepare(0, 1, "zombie");
        var unfinished = zombie.begin(1, 1, "zombie");
        Attempt current = new Attempt(settings, 2).takeOver();
        current.commit(1, current.prepare(0, 1, "a"));

        assertThatThrownBy(() -> zombie.commit(1, prepared)).hasMessageContaining("MILLRACE_SINK_DATA_LOST");
        assertThatThrownBy(() -> {
                    unfinished.write(Attempt.row("zombie"));
                    unfinished.commit();
                })
                .isInstanceOf(Exception.class);
        unfinished.close();
        assertThat(committed()).containsExactly("a");
        zombie.crash();
        current.crash();
    }

    /** Between its last look at the checkpoint and what it then gives up, a process may sleep for as long as it likes. */
    @Test
    void givesUpNothingOfAYoungerAttemptHoweverLateItDoesSo() throws Exception {
        Attempt crashed = new Attempt(settings, 2).takeOver();
        crashed.prepare(0, 1, "never");
        crashed.crash();
        Attempt sleeper = new Attempt(settings, 2);
        Runnable takingOver = sleeper.takingOver();

        Attempt current = new Attempt(settings, 2).takeOver();
        WriterCommitMessage prepared = current.prepare(0, 1, "a");
        DataWriter<InternalRow> unfinished = current.begin(1, 1, "b");
        takingOver.run();
        WriterCommitMessage finished = unfinished.commit();
        unfinished.close();
        current.commit(1, prepared, finished);

        assertThat(committed()).containsExactlyInAnyOrder("a", "b");
        sleeper.crash();
        current.crash();
    }

    /** Else a query that starts often would keep ever more ids alive, and wait for the fencing of each. */
    @Test
    void fencesAnIdOfAnEarlierAttemptOnlyOnce() throws Exception {
        Attempt first = new Attempt(settings, 1).takeOver();
        first.commit(1, first.prepare(0, 1, "a"));
        first.crash();
        new Attempt(settings, 1).takeOver().crash();
        String id = transactions().get(0).transactionalId();
        int epoch = producerEpoch(id);
        new Attempt(settings, 1).takeOver().crash();

        assertThat(producerEpoch(id)).isEqualTo(epoch);
        assertThat(transactions()).extracting(TransactionListing::state).containsOnly(TransactionState.EMPTY);
    }

    private static int producerEpoch(String transactionalId) throws Exception {
        return admin.describeTransactions(List.of(transactionalId))
                .description(transactionalId)
                .get()
                .producerEpoch();
    }

    /** The sink of late rows has the query's id with more behind it. */
    @Test
    void leavesTransactionsOfAnotherQueryAloneWhoseIdBeginsTheSame() throws Exception {
        TransactionNames names = settings.names();
        TransactionSettings others = new TransactionSettings(
                settings.parameters(),
                settings.topic(),
                SCHEMA,
                new TransactionNames(names.prefix(), names.queryId() + "-late", names.ballot()),
                200,
                settings.timeoutMillis(),
                false);
        Attempt other = new Attempt(others, 1).takeOver();
        WriterCommitMessage prepared = other.prepare(0, 1, "late");
        Attempt attempt = new Attempt(settings, 1).takeOver();
        other.commit(1, prepared);

        assertThat(committed()).containsExactly("late");
        attempt.crash();
        other.crash();
    }

    @Test
    void leavesNoRowOfAnAbortedWriter() throws Exception {
        Attempt attempt = new Attempt(settings, 1).takeOver();
        var writer = attempt.begin(0, 1, "never");
        writer.abort();
        writer.close();
        attempt.commit(1, attempt.prepare(0, 1, "a"));

        assertThat(committed()).containsExactly("a");
        attempt.crash();
    }

    /** A stop before the epoch was decided: nobody would commit it, and readers would wait until it times out. */
    @Test
    void abortsWhatItPreparedForAnEpochThatIsGivenUp() throws Exception {
        Attempt attempt = new Attempt(settings, 2).takeOver();
        attempt.commit(1, attempt.prepare(0, 1, "a"));
        WriterCommitMessage durable = attempt.prepare(0, 2, "b");
        WriterCommitMessage never = attempt.prepare(0, 3, "never");
        attempt.giveUp(3, never, null);
        attempt.crash();

        // The broker has decided to abort before it has told all partitions so.
        await().untilAsserted(() -> assertThat(transactions())
                .extracting(TransactionListing::state)
                .containsOnlyOnce(TransactionState.COMPLETE_ABORT)
                .containsOnlyOnce(TransactionState.ONGOING));
        new Attempt(settings, 2).commit(2, durable);
        assertThat(committed()).containsExactly("a", "b");
    }

    @Test
    void saysThatATransactionTimedOut() throws Exception {
        TransactionSettings hasty = new TransactionSettings(
                settings.parameters(), settings.topic(), SCHEMA, settings.names(), 200, 1_000, true);
        Attempt attempt = new Attempt(hasty, 1).takeOver();
        WriterCommitMessage message = attempt.prepare(0, 5, "lost");
        await().until(() -> transactions().stream().allMatch(one -> one.state() == TransactionState.COMPLETE_ABORT));

        for (Attempt committer : List.of(attempt, new Attempt(hasty, 1))) {
            assertThatThrownBy(() -> committer.commit(5, message))
                    .isInstanceOfSatisfying(MillraceException.class, failure -> assertThat(failure.code())
                            .isEqualTo(ErrorCode.SINK_DATA_LOST))
                    .hasMessageContaining("kafka.transaction.timeout.ms=1000")
                    .hasMessageContaining("CompleteAbort")
                    .hasMessageContaining("spark.millrace.restore.epoch=4");
        }
        assertThat(committed()).isEmpty();
        attempt.crash();
    }

    @Test
    void failsTheEpochOfARecordThatIsRefused() throws Exception {
        Attempt attempt = new Attempt(settings, 1).takeOver();
        var writer = attempt.begin(0, 1, "a", "x".repeat(2 << 20));

        assertThatThrownBy(writer::commit).isInstanceOf(RecordTooLargeException.class);
        writer.abort();
        writer.close();
        attempt.commit(1, attempt.prepare(0, 1, "a"));
        assertThat(committed()).containsExactly("a");
        attempt.crash();
    }

    private List<String> committed() {
        return Committed.values(broker.bootstrap(), topic);
    }

    private List<TransactionListing> transactions() throws Exception {
        Collection<TransactionListing> all = admin.listTransactions().all().get();
        return all.stream()
                .filter(one -> one.transactionalId().startsWith("millrace-" + queryId))
                .toList();
    }
}
