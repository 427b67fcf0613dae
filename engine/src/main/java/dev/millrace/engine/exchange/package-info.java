/** Channels between tasks, and the two ends of an exchange. Imports stream and page. */
@NullMarked
package dev.millrace.engine.exchange;

import org.jspecify.annotations.NullMarked;
