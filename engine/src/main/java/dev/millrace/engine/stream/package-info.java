/** What travels in a channel beside rows: barriers, watermarks, idleness. Imports page. */
@NullMarked
package dev.millrace.engine.stream;

import org.jspecify.annotations.NullMarked;
