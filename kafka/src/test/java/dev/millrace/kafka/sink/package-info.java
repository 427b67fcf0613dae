/** Tests of the transactional sink against a real broker. */
@NullMarked
package dev.millrace.kafka.sink;

import org.jspecify.annotations.NullMarked;
