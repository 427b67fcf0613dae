/** The epoch coordinator: asks for barriers and gathers what tasks report; and the commit protocol, which makes completed epochs durable exactly once. Imports task. */
@NullMarked
package dev.millrace.engine.epoch;

import org.jspecify.annotations.NullMarked;
