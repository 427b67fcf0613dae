package dev.millrace.engine.harness;

import dev.millrace.engine.page.RowView;
import java.util.Arrays;

/**
 * Views that live exactly as long as an {@link dev.millrace.engine.operator.Aggregate} promises, and
 * whose bytes are overwritten then, so that whoever uses one too long is found out.
 */
public final class ShortLivedViews {
    private byte[] last = new byte[0];
    private final RowView view = new RowView();

    /** Ends the life of the last view. */
    public void end() {
        Arrays.fill(last, (byte) 0x5A);
    }

    /** Ends the life of the last view and begins another's. */
    public RowView next(byte[] bytes) {
        end();
        last = bytes;
        return view.pointTo(bytes, 0, bytes.length);
    }
}
