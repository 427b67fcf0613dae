/** Errors with a stable class and a kind. Imports nothing of the engine. */
@NullMarked
package dev.millrace.engine.error;

import org.jspecify.annotations.NullMarked;
