package dev.millrace.bench.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.bench.workload.Clients;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.errors.WakeupException;

/**
 * Reads the answers as they arrive, on a thread of its own: which lives of tasks answer, and while a loss is measured
 * each answer.
 *
 * <p>Thread: any. Bounds: the answers from a loss until the query has got over it.
 */
final class AnswerRecorder implements AutoCloseable {
    private static final Duration POLL = Duration.ofSeconds(1);

    /** Of a task that has ended; each answers many times in that time. */
    private static final long SILENCE_MICROS = 500_000;

    private final KafkaConsumer<byte[], byte[]> consumer;
    private final Thread thread = new Thread(this::read, "answers");

    /** When a life first and last answered. */
    private final Map<Long, Long> firstMicros = new HashMap<>();

    private final Map<Long, Long> lastMicros = new HashMap<>();
    private final List<Loss.Answer> answers = new ArrayList<>();
    private boolean isRecording;

    AnswerRecorder(String bootstrap, String topic) {
        consumer = Clients.consumer(bootstrap, topic);
        thread.setDaemon(true);
        thread.start();
    }

    private void read() {
        ObjectMapper mapper = new ObjectMapper();
        try (consumer) {
            while (true) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                    JsonNode row = mapper.readTree(record.value());
                    take(new Loss.Answer(
                            Clients.nowMicros(),
                            row.get("created").asLong(),
                            row.get(LossProgram.LIFE).asLong()));
                }
            }
        } catch (WakeupException e) {
            // It is closed.
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private synchronized void take(Loss.Answer answer) {
        firstMicros.putIfAbsent(answer.life(), answer.arrivedMicros());
        lastMicros.put(answer.life(), answer.arrivedMicros());
        if (isRecording) {
            answers.add(answer);
        }
    }

    /** How many lives have answered for so long and still do. */
    synchronized long answering(Duration forLong) {
        long now = Clients.nowMicros();
        long since = now - TimeUnit.NANOSECONDS.toMicros(forLong.toNanos());
        return lastMicros.entrySet().stream()
                .filter(life -> now - life.getValue() < SILENCE_MICROS
                        && firstMicros.getOrDefault(life.getKey(), since) < since)
                .count();
    }

    /** Keeps each answer from now on, and gives the lives up to now. */
    synchronized Set<Long> record() {
        answers.clear();
        isRecording = true;
        return Set.copyOf(firstMicros.keySet());
    }

    /** The answers since {@link #record}, which go on being kept. */
    synchronized List<Loss.Answer> recorded() {
        return List.copyOf(answers);
    }

    /** Keeps answers no longer. */
    synchronized void forget() {
        isRecording = false;
        answers.clear();
    }

    @Override
    public void close() {
        consumer.wakeup();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
