/** What the exchange between two worker processes brings, beside a bare loop over the same sockets. */
@NullMarked
package dev.millrace.bench.exchange;

import org.jspecify.annotations.NullMarked;
