/**
 * What every engine is given and asked: rows, queries, and how its answers are told. Knows no engine, so that
 * programs on any class path can use it.
 */
@NullMarked
package dev.millrace.bench.workload;

import org.jspecify.annotations.NullMarked;
