/** Spark's streams as the engine's sources. Imports the engine, fragment and thread. */
@NullMarked
package dev.millrace.spark.source;

import org.jspecify.annotations.NullMarked;
