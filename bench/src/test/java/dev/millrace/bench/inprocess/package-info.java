@NullMarked
package dev.millrace.bench.inprocess;

import org.jspecify.annotations.NullMarked;
