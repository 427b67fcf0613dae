/** Connections between workers, made and secured as Spark's own are. Imports the engine alone. */
@NullMarked
package dev.millrace.spark.network;

import org.jspecify.annotations.NullMarked;
