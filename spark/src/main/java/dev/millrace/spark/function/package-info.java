/** User code over keyed state behind the engine's keyed functions. Imports fragment and the engine. */
@NullMarked
package dev.millrace.spark.function;

import org.jspecify.annotations.NullMarked;
