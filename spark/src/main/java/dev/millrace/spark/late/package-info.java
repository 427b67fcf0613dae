/** Where rows go that came too late. Imports fragment, scala, settings, sink and the engine. */
@NullMarked
package dev.millrace.spark.late;

import org.jspecify.annotations.NullMarked;
