package dev.millrace.engine.task;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.harness.Seeds;
import dev.millrace.engine.stream.Item;
import dev.millrace.engine.stream.WatermarkPolicy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Merges watermarks beside a rule that looks at all channels after every change. */
class MergedWatermarkPropertyTest {
    @Test
    void givesWhatLookingAtAllChannelsGives() {
        Seeds.forEach(2_000, seed -> new Run(new Random(seed)).toEnd());
    }

    private static final class Run {
        private final Random random;
        private final int[] groups;
        private final int[] kin;
        private final boolean[] idle;
        private final long[] watermarks;
        private final WatermarkPolicy policy;
        private final MergedWatermark merged;
        private long expected = Long.MIN_VALUE;

        Run(Random random) {
            this.random = random;
            groups = new int[1 + random.nextInt(8)];
            int groupCount = 1 + random.nextInt(3);
            for (int i = 0; i < groups.length; i++) {
                groups[i] = random.nextInt(groupCount + 1) - 1;
            }
            idle = new boolean[groups.length];
            watermarks = new long[groups.length];
            Arrays.fill(watermarks, Long.MIN_VALUE);
            policy = WatermarkPolicy.values()[random.nextInt(WatermarkPolicy.values().length)];
            kin = IntStream.range(0, groups.length).toArray();
            for (int i = 1; i < groups.length; i++) {
                if (groups[i] == groups[i - 1] && random.nextBoolean()) {
                    kin[i] = kin[i - 1];
                }
            }
            merged = new MergedWatermark(groups, kin, policy);
        }

        void toEnd() {
            for (int change = 0; change < 200; change++) {
                int channel = random.nextInt(groups.length);
                boolean looks = true;
                switch (random.nextInt(8)) {
                    case 0 -> {
                        idle[channel] = true;
                        see(merged.idle(channel));
                    }
                    case 1 -> {
                        idle[channel] = false;
                        looks = false; // rows bring no new watermark
                        merged.rows(channel);
                    }
                    default -> {
                        idle[channel] = false;
                        // Often as far as another channel, so that several stand at the least one.
                        watermarks[channel] = Math.max(watermarks[channel], random.nextInt(change / 10 + 1));
                        see(merged.watermark(channel, watermarks[channel]));
                    }
                }
                if (looks) {
                    expected = Math.max(expected, rule());
                }
                assertThat(merged.micros()).isEqualTo(expected);
            }
        }

        /** What is given is what holds then. */
        private void see(Item given) {
            if (given instanceof Item.Watermark mark) {
                assertThat(mark.micros()).isEqualTo(merged.micros());
                Item unused = merged.pending();
            }
        }

        private long rule() {
            List<Long> leastOfGroups = new ArrayList<>();
            for (int group = 0; group < groups.length; group++) {
                least(group).ifPresent(leastOfGroups::add);
            }
            if (leastOfGroups.isEmpty()) {
                return IntStream.range(0, groups.length)
                        .filter(i -> groups[i] >= 0)
                        .mapToLong(i -> kinOf(i).mapToLong(other -> watermarks[other])
                                .min()
                                .orElseThrow())
                        .max()
                        .orElse(Long.MIN_VALUE);
            }
            return policy == WatermarkPolicy.LEAST
                    ? leastOfGroups.stream().min(Long::compare).orElseThrow()
                    : leastOfGroups.stream().max(Long::compare).orElseThrow();
        }

        private IntStream kinOf(int channel) {
            return IntStream.range(0, groups.length).filter(other -> kin[other] == kin[channel]);
        }

        private Optional<Long> least(int group) {
            return IntStream.range(0, groups.length)
                    .filter(i -> groups[i] == group && kinOf(i).anyMatch(other -> !idle[other]))
                    .mapToObj(i -> watermarks[i])
                    .min(Long::compare);
        }
    }
}
