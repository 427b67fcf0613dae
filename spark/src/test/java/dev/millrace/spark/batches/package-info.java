/** The same query over the same batches on Spark's micro-batch engine and in Millrace's bounded epochs. */
@NullMarked
package dev.millrace.spark.batches;

import org.jspecify.annotations.NullMarked;
