/** The workloads on Flink: SQL where it has words for them, between the bench's generator or topics. */
@NullMarked
package dev.millrace.bench.peers.flink;

import org.jspecify.annotations.NullMarked;
