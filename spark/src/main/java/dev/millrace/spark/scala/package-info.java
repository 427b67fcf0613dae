/** The one bridge between Java's and Scala's collections and functions. */
@NullMarked
package dev.millrace.spark.scala;

import org.jspecify.annotations.NullMarked;
