/** The {@code spark.millrace.*} settings. Imports the engine's errors alone. */
@NullMarked
package dev.millrace.spark.settings;

import org.jspecify.annotations.NullMarked;
