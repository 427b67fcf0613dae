/**
 * From an analysed logical plan, through Spark's own planner, to a graph of stages. Imports
 * fragment, aggregate and the engine; knows no query manager and no checkpoint.
 */
@NullMarked
package dev.millrace.spark.plan;

import org.jspecify.annotations.NullMarked;
