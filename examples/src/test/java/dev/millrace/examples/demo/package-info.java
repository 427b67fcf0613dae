@NullMarked
package dev.millrace.examples.demo;

import org.jspecify.annotations.NullMarked;
