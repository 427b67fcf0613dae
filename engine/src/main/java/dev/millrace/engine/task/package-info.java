/** Tasks and the loops that step them. Imports operator and everything above it. */
@NullMarked
package dev.millrace.engine.task;

import org.jspecify.annotations.NullMarked;
