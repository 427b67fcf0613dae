/**
 * Small programs for Spark Structured Streaming, written as a user would: Spark's API alone. Where they run is said
 * by who starts them: {@code spark-submit --master}, or {@code bin/example}, which says {@code local[*]}.
 */
@NullMarked
package dev.millrace.examples;

import org.jspecify.annotations.NullMarked;
