/** What a task does with rows: the operator contract and the engine's own operators. Imports state, exchange, page. */
@NullMarked
package dev.millrace.engine.operator;

import org.jspecify.annotations.NullMarked;
