/**
 * How long a record takes from Kafka to Kafka through each engine: the same broker, generator, probe and
 * heap for all, every program in a JVM of its own, the engines in turn over several rounds.
 */
@NullMarked
package dev.millrace.bench.latency;

import org.jspecify.annotations.NullMarked;
