/** What two executors cost beside one process, and how long a query is away when one of them is lost. */
@NullMarked
package dev.millrace.bench.cluster;

import org.jspecify.annotations.NullMarked;
