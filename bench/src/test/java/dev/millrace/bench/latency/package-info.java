@NullMarked
package dev.millrace.bench.latency;

import org.jspecify.annotations.NullMarked;
