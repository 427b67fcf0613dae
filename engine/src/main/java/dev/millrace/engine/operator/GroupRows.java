package dev.millrace.engine.operator;

import dev.millrace.engine.page.RowView;

/**
 * Rows of one key, one after the other.
 *
 * <p>Thread: the owning task. Lifetime: a row is valid until the next one is asked for.
 */
public interface GroupRows {
    boolean hasNext();

    RowView next();
}
