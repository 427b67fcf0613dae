/**
 * The demo: {@link dev.millrace.examples.demo.CardQueries} holds the two queries, written with Spark's
 * API alone; {@link dev.millrace.examples.demo.CardApplication} runs them; everything else stands
 * around them: a broker, a generator of transactions, and a consumer that measures.
 */
@NullMarked
package dev.millrace.examples.demo;

import org.jspecify.annotations.NullMarked;
