package dev.millrace.spark.cluster;

import dev.millrace.spark.cluster.WorkerRoster.Member;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Pairs of workers that do not reach each other although the driver hears both, as when the network between their
 * machines is cut. A connection may break for once; a pair whose connection fails again, with no epoch committed
 * between, counts as broken, and no attempt is given both until one has reached the other.
 *
 * <p>Thread: any. Bounds: the pairs of the workers that are there.
 */
final class BrokenPairs {
    private static final int LIMIT = 2;

    private record Pair(long older, long younger) {
        static Pair of(long one, long other) {
            return new Pair(Math.min(one, other), Math.max(one, other));
        }
    }

    /** Two members of a pair that counts as broken. */
    record Broken(Member older, Member younger) {
        String told() {
            return "%s and %s do not reach each other".formatted(older.told(), younger.told());
        }
    }

    private final Map<Pair, Integer> failures = new HashMap<>();

    /** Their connection failed; true when they count as broken from now on. */
    synchronized boolean failed(Member one, Member other) {
        return failures.merge(Pair.of(one.incarnation(), other.incarnation()), 1, Integer::sum) == LIMIT;
    }

    /** These have committed an epoch together. */
    synchronized void worked(List<Member> together) {
        Set<Long> all = together.stream().map(Member::incarnation).collect(Collectors.toSet());
        failures.keySet().removeIf(pair -> all.contains(pair.older()) && all.contains(pair.younger()));
    }

    /** One has reached the other; true when they counted as broken. */
    synchronized boolean reached(long one, long other) {
        Integer before = failures.remove(Pair.of(one, other));
        return before != null && before >= LIMIT;
    }

    /** The broken pairs among those who are there. */
    synchronized List<Broken> among(List<Member> there) {
        Map<Long, Member> known = new HashMap<>();
        there.forEach(member -> known.put(member.incarnation(), member));
        failures.keySet().removeIf(pair -> !known.containsKey(pair.older()) || !known.containsKey(pair.younger()));
        List<Broken> broken = new ArrayList<>();
        failures.forEach((pair, count) -> {
            Member older = known.get(pair.older());
            Member younger = known.get(pair.younger());
            if (count >= LIMIT && older != null && younger != null) {
                broken.add(new Broken(older, younger));
            }
        });
        return broken;
    }

    /**
     * Those of the members who all reach each other, in the order given: whoever is in more broken pairs is left out, and
     * of two the younger.
     */
    List<Member> without(List<Member> there) {
        List<Broken> broken = among(there);
        Map<Member, Integer> counts = new HashMap<>();
        for (Broken pair : broken) {
            counts.merge(pair.older(), 1, Integer::sum);
            counts.merge(pair.younger(), 1, Integer::sum);
        }
        List<Member> bestFirst = new ArrayList<>(there);
        bestFirst.sort(Comparator.comparingInt((Member member) -> counts.getOrDefault(member, 0))
                .thenComparingLong(Member::incarnation));
        Set<Member> taken = new HashSet<>();
        for (Member member : bestFirst) {
            boolean reachesAll = broken.stream()
                    .noneMatch(pair -> pair.older().equals(member) && taken.contains(pair.younger())
                            || pair.younger().equals(member) && taken.contains(pair.older()));
            if (reachesAll) {
                taken.add(member);
            }
        }
        return there.stream().filter(taken::contains).toList();
    }
}
