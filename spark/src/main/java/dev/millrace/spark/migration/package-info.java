/**
 * State that stock Spark keeps in a query's checkpoint, brought into snapshots of Millrace's. Imports aggregate,
 * deduplicate, key and the engine.
 */
@NullMarked
package dev.millrace.spark.migration;

import org.jspecify.annotations.NullMarked;
