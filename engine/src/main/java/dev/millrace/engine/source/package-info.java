/** A source as the engine sees it: readers of partitions, on threads that may block. Imports page. */
@NullMarked
package dev.millrace.engine.source;

import org.jspecify.annotations.NullMarked;
