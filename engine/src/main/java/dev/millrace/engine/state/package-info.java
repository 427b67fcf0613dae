/** Keyed state of a task: tables by key group, timers, memory budget. Imports page and snapshot. */
@NullMarked
package dev.millrace.engine.state;

import org.jspecify.annotations.NullMarked;
