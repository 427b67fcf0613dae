/** Spark's V1 sinks, foreachBatch among them: an epoch's rows are kept until its commit hands them over whole. */
@NullMarked
package dev.millrace.spark.sink.v1;

import org.jspecify.annotations.NullMarked;
