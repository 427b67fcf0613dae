/** Spark's expressions behind the engine's join of two streams. Imports fragment and the engine. */
@NullMarked
package dev.millrace.spark.join;

import org.jspecify.annotations.NullMarked;
