/** The description of a dataflow and the dataflow that runs from it. Imports everything else. */
@NullMarked
package dev.millrace.engine.graph;

import org.jspecify.annotations.NullMarked;
