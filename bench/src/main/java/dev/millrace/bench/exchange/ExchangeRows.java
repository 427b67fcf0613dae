package dev.millrace.bench.exchange;

import dev.millrace.engine.page.Page;

/** The rows that both kinds of exchange send. */
final class ExchangeRows {
    static final int ROW_BYTES = 120;

    /** With the header that says how long it is. */
    static final int RECORD_BYTES = Page.recordBytes(ROW_BYTES);

    private ExchangeRows() {}
}
