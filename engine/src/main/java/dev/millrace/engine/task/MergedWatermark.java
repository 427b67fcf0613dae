package dev.millrace.engine.task;

import dev.millrace.engine.stream.Item;
import dev.millrace.engine.stream.WatermarkPolicy;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The one watermark of a task's input, out of those of its channels. It never moves back. A channel
 * that is idle is left out, and so is one whose rows have no watermark. Channels whose watermarks come
 * from the same place in the query form a group, of which always the least holds: one that lags is
 * about to bring rows that the others have already brought. Between groups the policy chooses. When all
 * are idle nobody is waited for: the greatest watermark holds, in whatever order they fell idle.
 *
 * <p>Thread: the owning task.
 */
public final class MergedWatermark {
    /** The group of channels whose rows have no watermark. */
    public static final int NO_WATERMARK = -1;

    private final int[] groups;
    private final int groupCount;
    private final WatermarkPolicy policy;
    private final boolean[] idle;
    private final long[] watermarks;
    private final long[] leastOfGroup;
    private long watermark = Long.MIN_VALUE;
    private boolean allIdle;
    private boolean idlePending;

    /** @param groups for each channel the number of its group, from 0, or {@link #NO_WATERMARK} */
    public MergedWatermark(int[] groups, WatermarkPolicy policy) {
        this.groups = groups.clone();
        this.groupCount = Arrays.stream(groups).max().orElse(NO_WATERMARK) + 1;
        this.policy = policy;
        this.idle = new boolean[groups.length];
        this.watermarks = new long[groups.length];
        this.leastOfGroup = new long[groupCount];
        Arrays.fill(watermarks, Long.MIN_VALUE);
    }

    /** A channel gave rows. */
    void rows(int channel) {
        idle[channel] = false;
    }

    /** A channel gave a watermark; returns what changes for the task, or null. */
    @Nullable
    Item watermark(int channel, long micros) {
        idle[channel] = false;
        watermarks[channel] = micros;
        return merge();
    }

    /** A channel fell idle; returns what changes for the task, or null. */
    @Nullable
    Item idle(int channel) {
        idle[channel] = true;
        return merge();
    }

    private @Nullable Item merge() {
        Arrays.fill(leastOfGroup, Long.MAX_VALUE);
        boolean anyActive = false;
        for (int i = 0; i < groups.length; i++) {
            if (groups[i] != NO_WATERMARK && !idle[i]) {
                anyActive = true;
                leastOfGroup[groups[i]] = Math.min(leastOfGroup[groups[i]], watermarks[i]);
            }
        }
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
        long greatest = Long.MIN_VALUE;
        for (int i = 0; i < groups.length; i++) {
            if (groups[i] != NO_WATERMARK) {
                greatest = Math.max(greatest, watermarks[i]);
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
