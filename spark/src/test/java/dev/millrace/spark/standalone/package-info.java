/**
 * Spark's standalone master and executors in processes of their own, for the tests of all modules and for
 * {@code bin/chaos}. Nothing here is part of the product.
 */
@NullMarked
package dev.millrace.spark.standalone;

import org.jspecify.annotations.NullMarked;
