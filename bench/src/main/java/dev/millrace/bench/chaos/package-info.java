/**
 * {@code bin/chaos}: a real query against a real broker while processes are killed and storage fails, and its output
 * compared with Spark's batch answer.
 */
@NullMarked
package dev.millrace.bench.chaos;

import org.jspecify.annotations.NullMarked;
