/** What a run's results become: tables in Markdown, and one HTML page with charts that needs nothing else. */
@NullMarked
package dev.millrace.bench.report;

import org.jspecify.annotations.NullMarked;
