/** The epoch coordinator: asks for barriers, gathers what tasks report, commits in order. Imports task. */
@NullMarked
package dev.millrace.engine.epoch;

import org.jspecify.annotations.NullMarked;
