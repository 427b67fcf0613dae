/**
 * A real Kafka broker for tests, examples and benchmarks: in this JVM, or in a child JVM that ends with
 * its parent. Nothing here is part of the product.
 */
@NullMarked
package dev.millrace.kafka.broker;

import org.jspecify.annotations.NullMarked;
