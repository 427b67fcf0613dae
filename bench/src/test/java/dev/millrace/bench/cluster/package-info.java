/** The measure on executors, made short. */
@NullMarked
package dev.millrace.bench.cluster;

import org.jspecify.annotations.NullMarked;
