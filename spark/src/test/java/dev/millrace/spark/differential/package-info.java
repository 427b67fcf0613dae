/** Random queries over random rows, on Millrace and on stock Spark, for the same answer. */
@NullMarked
package dev.millrace.spark.differential;

import org.jspecify.annotations.NullMarked;
