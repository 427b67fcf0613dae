package dev.millrace.engine.task;

import dev.millrace.engine.stream.Item;
import dev.millrace.engine.stream.WatermarkPolicy;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The one watermark of a task's input, out of those of its channels. It never moves back. A channel
 * that is idle is left out, and so is one whose rows have no watermark. Channels whose watermarks come
 * from the same place in the query form a group, of which always the least holds: one that lags is
 * about to bring rows that the others have already brought. Between groups the policy chooses. When all
 * are idle nobody is waited for: the greatest watermark holds, in whatever order they fell idle.
 *
 * <p>Tasks that see the same marks fall idle and come back together, though never at the same moment, and one that has yet
 * to come back may hold rows that the mark brings out of its state. Their channels are kin: they are idle once all are, and
 * until then, as well as when all are, the least of them holds, that of one which is idle too.
 *
 * <p>All channels are looked at only once the last one of those that stood lowest in their group has moved, or
 * one has fallen idle or come back: with as many channels as there are tasks, looking at each watermark would cost
 * a task the square of that.
 *
 * <p>Thread: the owning task.
 */
public final class MergedWatermark {
    /** The group of channels whose rows have no watermark. */
    public static final int NO_WATERMARK = -1;

    private final int[] groups;
    private final int[] kin;
    private final int groupCount;
    private final WatermarkPolicy policy;
    private final boolean[] idle;
    private final long[] watermarks;
    private final long[] leastOfGroup;

    /** By group, how many of its active channels stand at its least watermark. */
    private final int[] atLeastOfGroup;

    /** By kin, how many of its channels are not idle. */
    private final int[] activeOfKin;

    /** Whether what is known of the groups holds: false once a channel fell idle or came back. */
    private boolean isGathered;

    private long watermark = Long.MIN_VALUE;
    private boolean allIdle;
    private boolean idlePending;

    /** With no channel the kin of another. @param groups for each channel its group, or {@link #NO_WATERMARK} */
    public MergedWatermark(int[] groups, WatermarkPolicy policy) {
        this(groups, IntStream.range(0, groups.length).toArray(), policy);
    }

    /**
     * @param groups for each channel the number of its group, from 0, or {@link #NO_WATERMARK}
     * @param kin for each channel a number, from 0, that its kin share, all of its group
     */
    public MergedWatermark(int[] groups, int[] kin, WatermarkPolicy policy) {
        this.groups = groups.clone();
        this.kin = kin.clone();
        this.activeOfKin = new int[Arrays.stream(kin).max().orElse(-1) + 1];
        Arrays.stream(kin).forEach(number -> activeOfKin[number]++);
        this.groupCount = Arrays.stream(groups).max().orElse(NO_WATERMARK) + 1;
        this.policy = policy;
        this.idle = new boolean[groups.length];
        this.watermarks = new long[groups.length];
        this.leastOfGroup = new long[groupCount];
        this.atLeastOfGroup = new int[groupCount];
        Arrays.fill(watermarks, Long.MIN_VALUE);
    }

    /** A channel gave rows. */
    void rows(int channel) {
        activate(channel);
    }

    private void activate(int channel) {
        if (idle[channel]) {
            idle[channel] = false;
            activeOfKin[kin[channel]]++;
            isGathered = false;
        }
    }

    /** A channel gave a watermark; returns what changes for the task, or null. */
    @Nullable
    Item watermark(int channel, long micros) {
        activate(channel);
        long before = watermarks[channel];
        watermarks[channel] = micros;
        return isGathered && leavesLeast(groups[channel], before, micros) ? null : merge();
    }

    /** Whether the least watermark of a group stays when one of its channels moves on. */
    private boolean leavesLeast(int group, long before, long now) {
        if (group == NO_WATERMARK) {
            return true;
        }
        long least = leastOfGroup[group];
        if (now <= least) {
            return now == before; // it did not move, or back: then all are looked at
        }
        return before != least || --atLeastOfGroup[group] > 0;
    }

    /** A channel fell idle; returns what changes for the task, or null. */
    @Nullable
    Item idle(int channel) {
        if (!idle[channel]) {
            idle[channel] = true;
            activeOfKin[kin[channel]]--;
        }
        return merge();
    }

    private @Nullable Item merge() {
        boolean anyActive = gather();
        boolean becameIdle = !anyActive && !allIdle;
        allIdle = !anyActive;
        long merged = anyActive ? choose() : greatest();
        if (merged > watermark) {
            watermark = merged;
            idlePending = becameIdle;
            return new Item.Watermark(merged);
        }
        return becameIdle ? Item.Idle.INSTANCE : null;
    }

    /** Finds where each group stands; false when no channel is active. */
    private boolean gather() {
        Arrays.fill(leastOfGroup, Long.MAX_VALUE);
        Arrays.fill(atLeastOfGroup, 0);
        boolean anyActive = false;
        for (int i = 0; i < groups.length; i++) {
            int group = groups[i];
            if (group != NO_WATERMARK && activeOfKin[kin[i]] > 0) {
                anyActive = true;
                if (watermarks[i] < leastOfGroup[group]) {
                    leastOfGroup[group] = watermarks[i];
                    atLeastOfGroup[group] = 0;
                }
                if (watermarks[i] == leastOfGroup[group]) {
                    atLeastOfGroup[group]++;
                }
            }
        }
        isGathered = anyActive;
        return anyActive;
    }

    /** What else the last change meant for the task, once; or null. */
    @Nullable
    Item pending() {
        if (!idlePending) {
            return null;
        }
        idlePending = false;
        return Item.Idle.INSTANCE;
    }

    private long greatest() {
        long[] leastOfKin = new long[activeOfKin.length];
        Arrays.fill(leastOfKin, Long.MAX_VALUE);
        for (int i = 0; i < groups.length; i++) {
            leastOfKin[kin[i]] = Math.min(leastOfKin[kin[i]], watermarks[i]);
        }
        long greatest = Long.MIN_VALUE;
        for (int i = 0; i < groups.length; i++) {
            if (groups[i] != NO_WATERMARK) {
                greatest = Math.max(greatest, leastOfKin[kin[i]]);
            }
        }
        return greatest;
    }

    /** A group of which no channel is active stands at the greatest number, and has no say. */
    private long choose() {
        long chosen = policy == WatermarkPolicy.LEAST ? Long.MAX_VALUE : Long.MIN_VALUE;
        for (int group = 0; group < groupCount; group++) {
            long least = leastOfGroup[group];
            if (policy == WatermarkPolicy.LEAST) {
                chosen = Math.min(chosen, least);
            } else if (least != Long.MAX_VALUE) {
                chosen = Math.max(chosen, least);
            }
        }
        return chosen;
    }

    long micros() {
        return watermark;
    }
}
