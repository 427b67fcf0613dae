/** What queries of tests read from, write to and keep their checkpoint on; it breaks when it is told to. */
@NullMarked
package dev.millrace.spark.outside;

import org.jspecify.annotations.NullMarked;
