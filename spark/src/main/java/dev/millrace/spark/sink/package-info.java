/** Spark's streaming writes as the engine's sinks. Imports the engine alone. */
@NullMarked
package dev.millrace.spark.sink;

import org.jspecify.annotations.NullMarked;
