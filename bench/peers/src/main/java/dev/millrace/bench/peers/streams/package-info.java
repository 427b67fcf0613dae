/** The workloads on Kafka Streams. */
@NullMarked
package dev.millrace.bench.peers.streams;

import org.jspecify.annotations.NullMarked;
