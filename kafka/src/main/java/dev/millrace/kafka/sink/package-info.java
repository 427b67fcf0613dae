/**
 * The Kafka sink: what makes records of rows, and the transactional sink, whose output is read with {@code
 * read_committed} exactly once. Imports the face to Spark, Spark's Kafka connector and Kafka's client.
 *
 * <p>In transactions, per epoch and task there is one. A writer's commit leaves it prepared: open, with all its
 * records acknowledged. Once the epoch is durable in the checkpoint, the transactions that its writers' messages
 * name are committed, by the producers that made them or, after a crash, by resuming them.
 */
@NullMarked
package dev.millrace.kafka.sink;

import org.jspecify.annotations.NullMarked;
