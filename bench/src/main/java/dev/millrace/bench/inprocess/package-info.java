/** How many rows a second go from a generator to a sink that drops them, without Kafka. */
@NullMarked
package dev.millrace.bench.inprocess;

import org.jspecify.annotations.NullMarked;
