/**
 * The transactional Kafka sink: output that is read with {@code read_committed} exactly once. Imports the face
 * to Spark, Spark's Kafka connector and Kafka's client.
 *
 * <p>Per epoch and task there is one Kafka transaction. A writer's commit leaves it prepared: open, with all its
 * records acknowledged. Once the epoch is durable in the checkpoint, the transactions that its writers' messages
 * name are committed, by the producers that made them or, after a crash, by resuming them.
 */
@NullMarked
package dev.millrace.kafka.sink;

import org.jspecify.annotations.NullMarked;
