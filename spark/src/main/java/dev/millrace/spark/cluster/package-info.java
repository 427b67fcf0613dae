/**
 * Workers on an application's executors: how they are started and kept, what the driver and they say to each
 * other, and a dataflow that runs on several of them. Imports network, settings, thread and the engine.
 */
@NullMarked
package dev.millrace.spark.cluster;

import org.jspecify.annotations.NullMarked;
