/** From topic to topic, on a real broker: latency at a steady rate, and the draining of a backlog. */
@NullMarked
package dev.millrace.bench.kafka;

import org.jspecify.annotations.NullMarked;
