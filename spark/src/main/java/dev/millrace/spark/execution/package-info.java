/** A running query: Spark's StreamExecution around a dataflow, its epochs, logs and progress. Imports plan, source, sink, thread and settings. */
@NullMarked
package dev.millrace.spark.execution;

import org.jspecify.annotations.NullMarked;
