/** Functions of text as Spark's, without what those need for languages where a text is plain ASCII. Imports nothing of Millrace but scala. */
@NullMarked
package dev.millrace.spark.text;

import org.jspecify.annotations.NullMarked;
