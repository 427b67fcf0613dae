/** Spark's aggregate functions, by the row, behind the engine's interface. Imports key, fragment and the engine. */
@NullMarked
package dev.millrace.spark.aggregate;

import org.jspecify.annotations.NullMarked;
