/**
 * Reads Kafka for Spark's {@code kafka} format, whose offsets and options stay its own. Only {@link
 * dev.millrace.kafka.source.KafkaReadProvider} loads without Spark's Kafka connector on the class path.
 */
@NullMarked
package dev.millrace.kafka.source;

import org.jspecify.annotations.NullMarked;
