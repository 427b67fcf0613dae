/** A sink as the engine sees it: a writer per task, on a thread that may block. Imports page. */
@NullMarked
package dev.millrace.engine.sink;

import org.jspecify.annotations.NullMarked;
