/** A query's checkpoint on storage: the files that Millrace keeps there, and what looks at them from outside a query, as a program and as tables. */
@NullMarked
package dev.millrace.spark.checkpoint;

import org.jspecify.annotations.NullMarked;
