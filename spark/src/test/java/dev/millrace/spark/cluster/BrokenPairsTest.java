package dev.millrace.spark.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.spark.cluster.WorkerRoster.Member;
import dev.millrace.spark.network.WorkerTransport.Address;
import java.util.List;
import org.junit.jupiter.api.Test;

class BrokenPairsTest {
    private final BrokenPairs pairs = new BrokenPairs();
    private final Member first = member(1);
    private final Member second = member(2);
    private final Member third = member(3);
    private final List<Member> all = List.of(first, second, third);

    private static Member member(long incarnation) {
        Registration registration = new Registration("executor-" + incarnation, new Address("host", 7000), 1, 4711);
        return new Member(incarnation, registration, "address-" + incarnation, message -> {});
    }

    private void breakOff(Member one, Member other) {
        boolean unused = pairs.failed(one, other);
        assertThat(pairs.failed(other, one)).isTrue();
    }

    @Test
    void aConnectionThatBreaksOnceLeavesNobodyOut() {
        assertThat(pairs.failed(first, second)).isFalse();
        assertThat(pairs.without(all)).isEqualTo(all);
    }

    @Test
    void leavesTheYoungerOutWhenItBreaksAgain() {
        breakOff(first, second);
        assertThat(pairs.without(all)).containsExactly(first, third);
    }

    @Test
    void anEpochThatTheyCommitTogetherBeginsTheCountAnew() {
        boolean unused = pairs.failed(first, second);
        pairs.worked(all);
        assertThat(pairs.failed(first, second)).isFalse();
        assertThat(pairs.without(all)).isEqualTo(all);
    }

    @Test
    void leavesOutWhoReachesFewest() {
        breakOff(first, second);
        breakOff(first, third);
        assertThat(pairs.without(all)).containsExactly(second, third);
    }

    @Test
    void takesBothOnceOneHasReachedTheOther() {
        breakOff(first, second);
        assertThat(pairs.reached(second.incarnation(), first.incarnation())).isTrue();
        assertThat(pairs.without(all)).isEqualTo(all);
    }

    @Test
    void forgetsWhoIsGone() {
        breakOff(first, second);
        assertThat(pairs.among(List.of(first, third))).isEmpty();
        assertThat(pairs.without(all)).isEqualTo(all);
    }
}
