/** What a query knows of itself, for its progress, Spark's metrics system and the web page. */
@NullMarked
package dev.millrace.spark.metrics;

import org.jspecify.annotations.NullMarked;
