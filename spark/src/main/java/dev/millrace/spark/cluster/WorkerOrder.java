package dev.millrace.spark.cluster;

import java.io.Serializable;

/**
 * What a worker's task is told when Spark starts it.
 *
 * @param endpoint the driver's end, by its name
 * @param cpus what the task asks Spark for: threads for connections, and loops where a query sets no number
 * @param connectMillis how long making a connection to another worker may take
 */
record WorkerOrder(String endpoint, int cpus, long connectMillis) implements Serializable {}
