/** Channels by themselves; what they carry between tasks is in {@code task} and {@code graph}. */
@NullMarked
package dev.millrace.engine.exchange;

import org.jspecify.annotations.NullMarked;
