/** How Millrace gets into a Spark session and takes over its real-time queries. Imports everything beside it; nothing imports it. */
@NullMarked
package dev.millrace.spark.session;

import org.jspecify.annotations.NullMarked;
