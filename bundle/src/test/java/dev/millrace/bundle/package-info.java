@NullMarked
package dev.millrace.bundle;

import org.jspecify.annotations.NullMarked;
