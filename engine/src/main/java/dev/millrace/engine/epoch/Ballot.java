package dev.millrace.engine.epoch;

import java.io.Serializable;
import java.util.Comparator;
import java.util.Optional;

/**
 * The right of one run of a query to decide, for as long as nobody has claimed a higher one. A run claims one anew for
 * each of its attempts, so two never write under the same. Ordered by number, then by run.
 *
 * <p>Source: the ballots of Gafni and Lamport, Disk Paxos, 2003.
 *
 * @param run the run that claims it; empty in checkpoints of before there were claims, which tell only numbers
 */
public record Ballot(long number, String run) implements Comparable<Ballot>, Serializable {
    /** Lower than what any run claims. */
    public static final Ballot LOWEST = new Ballot(0, "");

    private static final String CLAIM = ".claim";
    private static final Comparator<Ballot> ORDER =
            Comparator.comparingLong(Ballot::number).thenComparing(Ballot::run);

    /** The name of the file that claims it, without its folder. */
    String claimName() {
        return label() + CLAIM;
    }

    /** The ballot that a file claims, where it is one that claims any. */
    static Optional<Ballot> ofClaim(String name) {
        return name.endsWith(CLAIM) ? of(name.substring(0, name.length() - CLAIM.length())) : Optional.empty();
    }

    /** As it stands in the names of files and of what sinks prepare: no dot is in it. */
    public String label() {
        return run.isEmpty() ? Long.toString(number) : number + "-" + run;
    }

    /** The ballot of a {@link #label}. */
    public static Optional<Ballot> of(String label) {
        int dash = label.indexOf('-');
        String number = dash < 0 ? label : label.substring(0, dash);
        return isNumber(number)
                ? Optional.of(new Ballot(Long.parseLong(number), dash < 0 ? "" : label.substring(dash + 1)))
                : Optional.empty();
    }

    static boolean isNumber(String text) {
        return !text.isEmpty() && text.chars().allMatch(digit -> digit >= '0' && digit <= '9');
    }

    @Override
    public int compareTo(Ballot other) {
        return ORDER.compare(this, other);
    }
}
