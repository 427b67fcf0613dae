/** Spark's removal of duplicates, by the row. Imports key, fragment and the engine. */
@NullMarked
package dev.millrace.spark.deduplicate;

import org.jspecify.annotations.NullMarked;
