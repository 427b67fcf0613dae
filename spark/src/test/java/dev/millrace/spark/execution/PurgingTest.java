package dev.millrace.spark.execution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
final class PurgingTest {
    private final CountDownLatch deleting = new CountDownLatch(1);
    private final CountDownLatch deleted = new CountDownLatch(1);
    private final AtomicInteger purges = new AtomicInteger();

    @Test
    void lastsWhileTheQueryGoesOnAndLetsNoSecondOneBegin() throws Exception {
        try (Purging purging = new Purging("query")) {
            purging.begin(this::deleteSlowly);
            deleting.await();
            assertThat(purging.isUnderWay()).isTrue();
            purging.begin(purges::incrementAndGet);
            deleted.countDown();
            await().until(() -> !purging.isUnderWay());
            assertThat(purges).hasValue(1);

            purging.begin(purges::incrementAndGet);
            await().untilAsserted(() -> assertThat(purges).hasValue(2));
        }
    }

    @Test
    void beginsAnotherOneBehindOneThatFailed() {
        try (Purging purging = new Purging("query")) {
            purging.begin(() -> {
                throw new IOException("the storage is away");
            });
            await().until(() -> !purging.isUnderWay());
            purging.begin(purges::incrementAndGet);
            await().untilAsserted(() -> assertThat(purges).hasValue(1));
        }
    }

    @Test
    void endsWithWhatIsUnderWay() throws Exception {
        Purging purging = new Purging("query");
        purging.begin(this::deleteSlowly);
        deleting.await();
        deleted.countDown();
        purging.close();

        assertThat(purges).hasValue(1);
        purging.begin(purges::incrementAndGet);
        assertThat(purges).hasValue(1);
        assertThat(purging.isUnderWay()).isFalse();
    }

    @Test
    void cutsShortWhatAStopWouldWaitForTooLong() {
        AtomicBoolean isCutShort = new AtomicBoolean();
        Purging purging = new Purging("query");
        purging.begin(() -> {
            try {
                deleted.await();
            } catch (InterruptedException e) {
                isCutShort.set(true);
            }
        });
        purging.close();
        await().untilTrue(isCutShort);
    }

    private void deleteSlowly() throws IOException {
        deleting.countDown();
        try {
            deleted.await();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
        purges.incrementAndGet();
    }
}
