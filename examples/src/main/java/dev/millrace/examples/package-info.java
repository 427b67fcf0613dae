/** Small programs for Spark Structured Streaming, written as a user would: Spark's API alone. */
@NullMarked
package dev.millrace.examples;

import org.jspecify.annotations.NullMarked;
