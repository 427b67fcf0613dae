package dev.millrace.spark.source;

import java.util.Optional;
import org.apache.spark.sql.connector.read.streaming.Offset;

/**
 * The end of a portion, or where reading starts.
 *
 * @param portion how many portions were handed in before it since reading started
 * @param offset where the stream stands there; none before the first row of a stream that has no first offset
 */
record Boundary(long portion, Optional<Offset> offset) {}
