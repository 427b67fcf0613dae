/** How the bench asks Spark: sessions, settings and queries, on Millrace or on Spark's own engines. */
@NullMarked
package dev.millrace.bench.spark;

import org.jspecify.annotations.NullMarked;
