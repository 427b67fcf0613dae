/** A program that starts queries from a Spark Connect client, and what of it runs on the server. */
@NullMarked
package dev.millrace.connect;

import org.jspecify.annotations.NullMarked;
