package dev.millrace.spark.execution;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.error.ErrorKind;
import dev.millrace.spark.execution.RecoveryPolicy.Failure;
import dev.millrace.spark.execution.RecoveryPolicy.Verdict;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class RecoveryPolicyTest {
    private static final Failure BROKER = new Failure(ErrorKind.RETRYABLE, "reader 0", "no broker");
    private static final Failure FUNCTION = new Failure(ErrorKind.USER, "task 1", "three is bad");

    private long nanos = 1_000;
    private final RecoveryPolicy policy = new RecoveryPolicy(4, 60_000, 100, () -> nanos);

    @Test
    void endsAtOnceWhatHasNeverRun() {
        policy.started();
        nanos += RecoveryPolicy.HAS_RUN_NANOS - 1;

        assertThat(policy.failed(BROKER).goesOn()).isFalse();
    }

    @Test
    void goesOnWhenOnlyAWorkerWasLostBeforeItRan() {
        policy.started();

        assertThat(policy.failed(new Failure(ErrorKind.RETRYABLE, true, "worker 1", "gone"))
                        .goesOn())
                .isTrue();
    }

    @Test
    void goesOnOnceAnEpochWasCommittedOrTheDataflowLasted() {
        policy.started();
        policy.committed();
        assertThat(policy.failed(BROKER).goesOn()).isTrue();

        RecoveryPolicy other = new RecoveryPolicy(4, 60_000, 100, () -> nanos);
        other.started();
        nanos += RecoveryPolicy.HAS_RUN_NANOS;
        assertThat(other.failed(BROKER).goesOn()).isTrue();
    }

    @Test
    void doublesItsWaitsUntilAnEpochIsCommitted() {
        policy.committed();

        assertThat(millis(policy.failed(BROKER))).isZero();
        assertThat(millis(policy.failed(BROKER))).isEqualTo(100);
        assertThat(millis(policy.failed(BROKER))).isEqualTo(200);
        policy.committed();
        assertThat(millis(policy.failed(BROKER))).isZero();
    }

    @Test
    void waitsTenSecondsAtMost() {
        RecoveryPolicy patient = new RecoveryPolicy(1_000, 60_000, 3_000, () -> nanos);
        patient.committed();
        for (int i = 0; i < 100; i++) {
            assertThat(millis(patient.failed(BROKER))).isBetween(0L, 10_000L);
        }
    }

    @Test
    void endsBeyondItsAttemptsAndForgetsOldFailures() {
        policy.committed();
        for (int i = 1; i <= 4; i++) {
            assertThat(policy.failed(BROKER).attempt()).isEqualTo(i);
        }
        assertThat(policy.failed(BROKER).goesOn()).isFalse();

        nanos += TimeUnit.SECONDS.toNanos(60);
        Verdict later = policy.failed(BROKER);
        assertThat(later.goesOn()).isTrue();
        assertThat(later.attempt()).isEqualTo(1);
    }

    @Test
    void replaysTheQuerysOwnErrorOnceThoughItHasNeverRun() {
        assertThat(policy.failed(FUNCTION).goesOn()).isTrue();
        assertThat(policy.failed(FUNCTION).goesOn()).isFalse();
    }

    @Test
    void goesOnWhenTheOwnErrorIsAnotherOneOrElsewhere() {
        assertThat(policy.failed(FUNCTION).goesOn()).isTrue();
        assertThat(policy.failed(new Failure(ErrorKind.USER, "task 1", "four is bad"))
                        .goesOn())
                .isTrue();
        assertThat(policy.failed(new Failure(ErrorKind.USER, "task 2", "three is bad"))
                        .goesOn())
                .isTrue();
        assertThat(policy.failed(FUNCTION).goesOn()).isFalse();
    }

    @Test
    void endsAtOnceWhatCannotPass() {
        policy.committed();
        for (ErrorKind kind : new ErrorKind[] {ErrorKind.BUG, ErrorKind.CORRUPT, ErrorKind.UNSUPPORTED}) {
            assertThat(policy.failed(new Failure(kind, "query", "error")).goesOn())
                    .isFalse();
        }
    }

    @Test
    void neverGoesOnWithoutAttempts() {
        RecoveryPolicy none = new RecoveryPolicy(0, 60_000, 100, () -> nanos);
        none.committed();
        assertThat(none.failed(BROKER).goesOn()).isFalse();
        assertThat(none.failed(FUNCTION).goesOn()).isFalse();
    }

    private static long millis(Verdict verdict) {
        return TimeUnit.NANOSECONDS.toMillis(verdict.waitNanos());
    }
}
