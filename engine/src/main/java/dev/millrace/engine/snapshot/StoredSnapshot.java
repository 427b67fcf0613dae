package dev.millrace.engine.snapshot;

import java.util.List;

/** A snapshot file that is on storage, and the index of what is in it. */
public record StoredSnapshot(String file, List<SnapshotFile.Entry> index) {
    /** Where snapshot files are. */
    public static final String FOLDER = "files";
}
