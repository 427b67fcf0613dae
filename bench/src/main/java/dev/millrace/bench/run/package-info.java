/** Engines, cases and turns: how a run goes, whatever it measures. */
@NullMarked
package dev.millrace.bench.run;

import org.jspecify.annotations.NullMarked;
