/** That the pages in {@code docs/} and the README say what is so: links, commands, settings, programs. */
@NullMarked
package dev.millrace.examples.docs;

import org.jspecify.annotations.NullMarked;
