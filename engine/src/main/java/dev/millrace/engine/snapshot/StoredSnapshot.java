package dev.millrace.engine.snapshot;

import java.util.List;

/** A snapshot file that is on storage, and the index of what is in it. */
public record StoredSnapshot(String file, List<SnapshotFile.Entry> index) {
    /** Where snapshot files are. */
    public static final String FOLDER = "files";

    /** The name of an epoch's file; {@code attempt} tells whose. */
    public static String fileName(long epoch, String attempt) {
        return "%s/%d-%s.snapshot".formatted(FOLDER, epoch, attempt);
    }
}
