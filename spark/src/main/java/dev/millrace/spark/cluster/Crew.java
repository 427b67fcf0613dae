package dev.millrace.spark.cluster;

import dev.millrace.spark.cluster.WorkerRoster.Member;
import java.util.List;

/**
 * The workers of one attempt, in the order of their numbers.
 *
 * @param loopCount loops of each
 */
public record Crew(List<Member> members, int loopCount) {
    public Crew {
        members = List.copyOf(members);
    }

    public int size() {
        return members.size();
    }

    /** The number of a worker; -1 for one of no part in the attempt. */
    int indexOf(Member member) {
        for (int i = 0; i < members.size(); i++) {
            if (members.get(i).incarnation() == member.incarnation()) {
                return i;
            }
        }
        return -1;
    }
}
