/** What a snapshot is on storage: entries, files with an index and checksums, and which of them are an epoch's. Imports page and error. */
@NullMarked
package dev.millrace.engine.snapshot;

import org.jspecify.annotations.NullMarked;
