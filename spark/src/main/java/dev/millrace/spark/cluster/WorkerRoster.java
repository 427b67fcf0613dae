package dev.millrace.spark.cluster;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Who is a worker. Each has an incarnation, a number that is never given twice: whoever was taken off the
 * list may come back, but as somebody else, and what it says under its former number counts for nothing.
 *
 * <p>Thread: any. Units: nanoseconds of one clock, which the caller reads.
 */
final class WorkerRoster {
    /**
     * One worker.
     *
     * @param address where its messages come from, as Spark's RPC names it
     * @param line takes messages to it
     */
    record Member(long incarnation, Registration registration, String address, Consumer<Object> line) {
        void send(Command command) {
            line.accept(command.toBytes(incarnation));
        }

        /** Who it is, for messages. */
        String told() {
            return "executor=%s, host=%s, pid=%d"
                    .formatted(
                            registration.executorId(), registration.exchange().host(), registration.pid());
        }
    }

    private final Map<Long, Member> members = new TreeMap<>();
    private final Map<Long, Long> lastHeardNanos = new TreeMap<>();
    private long nextIncarnation = 1;

    /** Takes a worker onto the list, if its executor has none; the result is the member, or null. */
    synchronized @Nullable Member admit(
            Registration registration, String address, Consumer<Object> line, long nowNanos) {
        if (ofExecutor(registration.executorId()) != null) {
            return null;
        }
        Member member = new Member(nextIncarnation++, registration, address, line);
        members.put(member.incarnation(), member);
        lastHeardNanos.put(member.incarnation(), nowNanos);
        return member;
    }

    synchronized @Nullable Member ofExecutor(String executorId) {
        return members.values().stream()
                .filter(member -> member.registration().executorId().equals(executorId))
                .findFirst()
                .orElse(null);
    }

    /** Who has spoken; null for somebody who is not on the list any more. */
    synchronized @Nullable Member heard(long incarnation, long nowNanos) {
        Member member = members.get(incarnation);
        if (member != null) {
            lastHeardNanos.put(incarnation, nowNanos);
        }
        return member;
    }

    /** Takes those off the list whose connection is gone, and gives them. */
    synchronized List<Member> disconnected(String address) {
        return remove(member -> member.address().equals(address));
    }

    /** Takes those off the list that have said nothing for longer, and gives them. */
    synchronized List<Member> silent(long nowNanos, long limitNanos) {
        return remove(member -> nowNanos - heardNanos(member) > limitNanos);
    }

    private long heardNanos(Member member) {
        return lastHeardNanos.getOrDefault(member.incarnation(), Long.MIN_VALUE);
    }

    /** Takes one off the list; false when it was not on it. */
    synchronized boolean dismiss(long incarnation) {
        return !remove(member -> member.incarnation() == incarnation).isEmpty();
    }

    /** The driver itself was away: silence up to now was not theirs. */
    synchronized void forgive(long nowNanos) {
        lastHeardNanos.replaceAll((incarnation, heard) -> nowNanos);
    }

    /** Who is there, the longest first. */
    synchronized List<Member> members() {
        return List.copyOf(members.values());
    }

    private List<Member> remove(Predicate<Member> which) {
        List<Member> gone = new ArrayList<>();
        for (Member member : List.copyOf(members.values())) {
            if (which.test(member)) {
                members.remove(member.incarnation());
                lastHeardNanos.remove(member.incarnation());
                gone.add(member);
            }
        }
        return gone;
    }
}
