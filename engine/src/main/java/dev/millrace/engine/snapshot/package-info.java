/** What a snapshot is on storage: entries, files with an index and checksums, manifests. Imports page and error. */
@NullMarked
package dev.millrace.engine.snapshot;

import org.jspecify.annotations.NullMarked;
