package dev.millrace.engine.task;

import dev.millrace.engine.exchange.Channel;
import dev.millrace.engine.metrics.RowCount;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.stream.Item;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One task's end of one exchange: a page being filled for each channel. A page is handed on when it
 * is full or when the task's input runs dry; while a channel is full its page goes on filling, so
 * that a backlog makes pages larger rather than more. Where partitions are kept apart, a page holds
 * rows of one input partition.
 *
 * <p>Bounds: per channel one page being filled and one full page that waits. Thread: the owning task.
 */
public final class OutputEdge {
    private final Router router;
    private final RowCount handedOn;
    private final Channel[] channels;
    private final boolean keepsPartitionsApart;
    private final Page[] filling;
    private final @Nullable Page[] waiting;
    private int waitingCount;
    private int turn;
    private int marked;
    private long readNanos;
    private int inputPartition;

    /**
     * @param keepsPartitionsApart whether a consumer asks which input partition rows are of
     * @param handedOn counts the rows that channels have taken
     */
    public OutputEdge(Router router, List<Channel> channels, boolean keepsPartitionsApart, RowCount handedOn) {
        this.router = router;
        this.handedOn = handedOn;
        this.channels = channels.toArray(new Channel[0]);
        this.keepsPartitionsApart = keepsPartitionsApart;
        this.filling = new Page[channels.size()];
        this.waiting = new Page[channels.size()];
        for (int i = 0; i < filling.length; i++) {
            filling[i] = new Page();
        }
    }

    void readNanos(long nanos) {
        readNanos = nanos;
    }

    void inputPartition(int partition) {
        if (keepsPartitionsApart) {
            inputPartition = partition;
        }
    }

    boolean isFull() {
        return waitingCount > 0 && !offerWaiting();
    }

    void emit(byte[] bytes, int offset, int sizeBytes) {
        switch (router.kind()) {
            case ONE -> append(0, bytes, offset, sizeBytes, 0);
            case HASH -> {
                int keyGroup = router.keyGroup(bytes, offset, sizeBytes);
                append(router.target(keyGroup, channels.length), bytes, offset, sizeBytes, keyGroup);
            }
            case BROADCAST -> {
                for (int i = 0; i < channels.length; i++) {
                    append(i, bytes, offset, sizeBytes, 0);
                }
            }
            case REBALANCE -> {
                if (append(turn, bytes, offset, sizeBytes, 0)) {
                    turn = (turn + 1) % channels.length;
                }
            }
        }
    }

    /** True when a full page made way for the row, or one of another input partition. */
    private boolean append(int target, byte[] bytes, int offset, int sizeBytes, int keyGroup) {
        Page page = filling[target];
        boolean full = !page.hasRoomFor(sizeBytes) || page.inputPartition() != inputPartition && !page.isEmpty();
        if (full) {
            if (!offer(target, page)) {
                waiting[target] = page;
                waitingCount++;
            }
            page = channels[target].emptyPage();
            filling[target] = page;
        }
        page.inputPartition(inputPartition);
        page.append(bytes, offset, sizeBytes, keyGroup, readNanos);
        return full;
    }

    private boolean offer(int target, Page page) {
        int rows = page.rowCount(); // once it is taken, the page is another's
        boolean taken = channels[target].offer(new Item.Rows(page));
        if (taken) {
            handedOn.add(rows);
        }
        return taken;
    }

    /** Hands on the full pages that wait; false when some still do. */
    private boolean offerWaiting() {
        for (int i = 0; i < channels.length && waitingCount > 0; i++) {
            Page page = waiting[i];
            if (page != null && offer(i, page)) {
                waiting[i] = null;
                waitingCount--;
            }
        }
        return waitingCount == 0;
    }

    /** Hands on all pages; false when a channel was full and its page stays. */
    boolean flush() {
        boolean all = true;
        for (int i = 0; i < channels.length; i++) {
            all &= flush(i);
        }
        if (router.kind() == Router.Kind.REBALANCE) {
            turn = (turn + 1) % channels.length;
        }
        return all;
    }

    private boolean flush(int target) {
        Page full = waiting[target];
        if (full != null) {
            if (!offer(target, full)) {
                return false;
            }
            waiting[target] = null;
            waitingCount--;
        }
        Page page = filling[target];
        if (!page.isEmpty()) {
            if (!offer(target, page)) {
                return false;
            }
            filling[target] = channels[target].emptyPage();
        }
        return true;
    }

    /** Hands a mark to every channel, behind its rows; false when one was full: call again. */
    boolean mark(Item mark) {
        while (marked < channels.length) {
            if (!flush(marked) || !channels[marked].offer(mark)) {
                return false;
            }
            marked++;
        }
        marked = 0;
        return true;
    }
}
