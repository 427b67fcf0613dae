/** Spark's file sinks: files written by the tasks, made visible by the folder's own log. */
@NullMarked
package dev.millrace.spark.sink.file;

import org.jspecify.annotations.NullMarked;
