/** Dresses engine threads as Spark tasks. Imports the engine alone. */
@NullMarked
package dev.millrace.spark.thread;

import org.jspecify.annotations.NullMarked;
