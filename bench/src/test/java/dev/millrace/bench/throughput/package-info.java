@NullMarked
package dev.millrace.bench.throughput;

import org.jspecify.annotations.NullMarked;
