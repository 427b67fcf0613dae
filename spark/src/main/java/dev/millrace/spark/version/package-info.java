/** Which Millrace this is. */
@NullMarked
package dev.millrace.spark.version;

import org.jspecify.annotations.NullMarked;
