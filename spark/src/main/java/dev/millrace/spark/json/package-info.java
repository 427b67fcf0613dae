/**
 * Reads JSON into rows as Spark's {@code from_json} does, from its bytes and in one pass, wherever the answer is beyond
 * doubt; Spark's own parser reads the rest. Writes rows as JSON as Spark's {@code to_json} does, as bytes. Imports nothing
 * of Millrace but scala.
 */
@NullMarked
package dev.millrace.spark.json;

import org.jspecify.annotations.NullMarked;
