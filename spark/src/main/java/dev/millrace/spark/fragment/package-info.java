/** Stateless pieces of a physical plan as engine operators. Imports the engine alone. */
@NullMarked
package dev.millrace.spark.fragment;

import org.jspecify.annotations.NullMarked;
