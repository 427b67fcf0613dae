package dev.millrace.spark.source;

import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import org.apache.spark.sql.internal.SQLConf;

/**
 * A stream that a query wants to read.
 *
 * @param conf the query's settings
 * @param sourceName what errors call the stream
 * @param stream the connector's stream
 */
public record ReadRequest(SQLConf conf, String sourceName, SparkDataStream stream) {}
