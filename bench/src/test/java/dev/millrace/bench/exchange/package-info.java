/** A short run of the measure. */
@NullMarked
package dev.millrace.bench.exchange;

import org.jspecify.annotations.NullMarked;
