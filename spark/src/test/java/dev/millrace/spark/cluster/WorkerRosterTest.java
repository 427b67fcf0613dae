package dev.millrace.spark.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.spark.cluster.WorkerRoster.Member;
import dev.millrace.spark.network.WorkerTransport.Address;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class WorkerRosterTest {
    private final WorkerRoster roster = new WorkerRoster();
    private final List<Object> sent = new ArrayList<>();

    private static Registration ofExecutor(String executorId) {
        return new Registration(executorId, new Address("host", 7000), 1, 4711);
    }

    private Member admit(String executorId, String address, long nowNanos) {
        return Objects.requireNonNull(roster.admit(ofExecutor(executorId), address, sent::add, nowNanos));
    }

    @Test
    void theSecondToRegisterForAnExecutorIsNotTaken() {
        Member first = admit("1", "a:1", 0);
        assertThat(roster.admit(ofExecutor("1"), "a:2", sent::add, 0)).isNull();
        assertThat(roster.members()).containsExactly(first);
    }

    @Test
    void whoComesBackIsSomebodyElse() {
        Member former = admit("1", "a:1", 0);
        assertThat(roster.dismiss(former.incarnation())).isTrue();
        assertThat(roster.heard(former.incarnation(), 1))
                .as("what the former says")
                .isNull();
        Member latter = admit("1", "a:1", 2);
        assertThat(latter.incarnation()).isGreaterThan(former.incarnation());
        assertThat(roster.heard(former.incarnation(), 3)).isNull();
        assertThat(roster.heard(latter.incarnation(), 3)).isEqualTo(latter);
        assertThat(roster.dismiss(former.incarnation())).as("twice").isFalse();
        assertThat(roster.members()).containsExactly(latter);
    }

    @Test
    void whoIsSilentForLongerThanTheLimitIsLost() {
        Member silent = admit("1", "a:1", 0);
        Member heard = admit("2", "b:1", 0);
        assertThat(roster.heard(heard.incarnation(), 60)).isEqualTo(heard);
        assertThat(roster.silent(100, 100)).as("at the limit").isEmpty();
        assertThat(roster.silent(101, 100)).containsExactly(silent);
        assertThat(roster.members()).containsExactly(heard);
    }

    @Test
    void silenceWhileTheDriverWasAwayIsForgiven() {
        Member member = admit("1", "a:1", 0);
        roster.forgive(1_000);
        assertThat(roster.silent(1_001, 100)).isEmpty();
        assertThat(roster.members()).containsExactly(member);
    }

    @Test
    void aBrokenConnectionLosesWhoSpokeOverIt() {
        Member gone = admit("1", "a:1", 0);
        Member other = admit("2", "b:1", 0);
        assertThat(roster.disconnected("c:1")).isEmpty();
        assertThat(roster.disconnected("a:1")).containsExactly(gone);
        assertThat(roster.members()).containsExactly(other);
    }
}
