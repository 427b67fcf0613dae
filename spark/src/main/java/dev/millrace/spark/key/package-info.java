/** Reading keys and event times from the bytes of rows. Imports fragment and the engine. */
@NullMarked
package dev.millrace.spark.key;

import org.jspecify.annotations.NullMarked;
