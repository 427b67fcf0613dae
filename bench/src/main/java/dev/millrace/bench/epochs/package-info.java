/** What epochs cost: latency across their ends, memory, and the time to be back after a restart or a failure. */
@NullMarked
package dev.millrace.bench.epochs;

import org.jspecify.annotations.NullMarked;
