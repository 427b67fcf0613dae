/** What tests of any module use to drive operators: adversity by seed, fakes, test aggregates. */
@NullMarked
package dev.millrace.engine.harness;

import org.jspecify.annotations.NullMarked;
