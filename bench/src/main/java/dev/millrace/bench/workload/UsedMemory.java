package dev.millrace.bench.workload;

import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.util.concurrent.TimeUnit;

/** What this JVM holds: its heap after a full collection, and its direct buffers. */
public final class UsedMemory {
    private static final int COLLECTIONS = 3;

    /** For rows on their way to arrive, and for what is left behind to be let go. */
    private static final long SETTLE_SECONDS = 5;

    private UsedMemory() {}

    /** Waits until nothing should change any more. */
    public static long bytesWhenSettled() throws InterruptedException {
        TimeUnit.SECONDS.sleep(SETTLE_SECONDS);
        for (int i = 0; i < COLLECTIONS; i++) {
            System.gc();
        }
        long bytes = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
        for (BufferPoolMXBean pool : ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class)) {
            bytes += pool.getMemoryUsed();
        }
        return bytes;
    }
}
