/** Rows as bytes, in bounded pages. Imports error only. */
@NullMarked
package dev.millrace.engine.page;

import org.jspecify.annotations.NullMarked;
