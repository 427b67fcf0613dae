/** A short run of {@code bin/chaos}. */
@NullMarked
package dev.millrace.bench.chaos;

import org.jspecify.annotations.NullMarked;
