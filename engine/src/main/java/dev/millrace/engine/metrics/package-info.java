/** Counters and latency histograms, written by one thread and read by any. Imports nothing of the engine. */
@NullMarked
package dev.millrace.engine.metrics;

import org.jspecify.annotations.NullMarked;
