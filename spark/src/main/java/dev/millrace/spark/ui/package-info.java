/** The Real-Time tab of Spark's web UI: pages, their figures as JSON, and what they load. */
@NullMarked
package dev.millrace.spark.ui;

import org.jspecify.annotations.NullMarked;
