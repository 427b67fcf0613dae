package dev.millrace.spark.checkpoint;

import dev.millrace.engine.snapshot.SnapshotStorage;
import dev.millrace.engine.snapshot.StateIndex;
import dev.millrace.engine.state.SpillFolder;
import dev.millrace.spark.checkpoint.LocalCopy.Chunk;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Copies on local disk of the snapshot files that this process has written or read, so that a query that goes back to
 * its last epoch does not have what it has brought from far away. A copy is a help and no more: one that is damaged, or
 * that the disk does not give or take, is dropped, and the checkpoint has what it held.
 *
 * <p>Thread: any. Bounds: a limit on what all copies hold; those that were used least lately go first.
 */
public final class LocalCopies implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LocalCopies.class);

    private final SpillFolder.Maker maker;

    /** The one used last stands last. */
    private final Map<String, LocalCopy> copies = new LinkedHashMap<>(16, 0.75f, true);

    private @Nullable SpillFolder folder;
    private long limitBytes;
    private long keptBytes;
    private long made;

    /** @param maker makes the folder for them once there is something to copy */
    public LocalCopies(SpillFolder.Maker maker) {
        this.maker = maker;
    }

    /**
     * A query's snapshot files with copies, where they are not on a local disk anyhow. Copies of what the query does not
     * go on from are dropped.
     *
     * @param from the state that is gone on from
     * @param limitBytes for the copies of all queries, from now on; 0 for none
     */
    public SnapshotStorage over(StateFiles files, StateIndex from, long limitBytes) {
        String query = files.checkpoint().toString();
        limit(limitBytes);
        retain(query, limitBytes == 0 ? Set.of() : from.allFiles());
        return limitBytes == 0 || files.areOnLocalDisk() ? files : new CopiedFiles(this, query, files, from);
    }

    private synchronized void limit(long bytes) {
        limitBytes = bytes;
    }

    /** Drops all copies for a query, which runs in this process no more. */
    public synchronized void forget(StateFiles files) {
        retain(files.checkpoint().toString(), Set.of());
        if (copies.isEmpty()) {
            close();
        }
    }

    /** Drops a query's copies but for those of some files. */
    synchronized void retain(String query, Set<String> names) {
        String prefix = key(query, "");
        List<LocalCopy> others = copies.values().stream()
                .filter(copy -> copy.key.startsWith(prefix) && !names.contains(copy.key.substring(prefix.length())))
                .toList();
        others.forEach(this::drop);
    }

    private static String key(String query, String name) {
        return query + "\n" + name;
    }

    /** The copy of a file, or an empty one where there is none; null where the disk takes none. */
    synchronized @Nullable LocalCopy of(String query, String name) {
        String key = key(query, name);
        LocalCopy found = copies.get(key);
        return found == null ? make(key) : found;
    }

    /** An empty copy, in the place of one that is there. */
    synchronized @Nullable LocalCopy anew(String query, String name) {
        String key = key(query, name);
        LocalCopy before = copies.get(key);
        if (before != null) {
            drop(before);
        }
        return make(key);
    }

    private @Nullable LocalCopy make(String key) {
        try {
            SpillFolder in = folder;
            if (in == null) {
                in = maker.make();
                folder = in;
            }
            LocalCopy copy = new LocalCopy(key, in.path().resolve(Long.toString(made++)));
            copies.put(key, copy);
            return copy;
        } catch (IOException e) {
            LOG.warn("There is no place for local copies of snapshot files, so they are read from the checkpoint.", e);
            return null;
        }
    }

    /** Says that a copy is of a file of this size. */
    synchronized void isOfSize(LocalCopy copy, long sizeBytes) {
        copy.isOfSize(sizeBytes);
    }

    /** The size of the file that a copy is of, or -1 until it is known. */
    synchronized long sizeBytes(LocalCopy copy) {
        return copy.sizeBytes();
    }

    /** Whether all of these bytes are here and were given. */
    boolean read(LocalCopy copy, long from, byte[] into, int length) {
        List<Chunk> chunks = chunksOf(copy, from, length);
        if (chunks.isEmpty()) {
            return false;
        }
        // No channel: it would be closed under a reader whose thread is interrupted.
        try (RandomAccessFile file = new RandomAccessFile(copy.path.toFile(), "r")) {
            for (Chunk chunk : chunks) {
                if (!chunk.read(file, from, into, length)) {
                    throw new IOException("its checksum is another at " + chunk.position());
                }
            }
            return true;
        } catch (IOException e) {
            if (isThere(copy)) { // else it was dropped meanwhile
                LOG.warn("A local copy is of no use, so the checkpoint is read in its place: {}.", copy.key, e);
                drop(copy);
            }
            return false;
        }
    }

    private synchronized List<Chunk> chunksOf(LocalCopy copy, long from, int length) {
        return copy.chunksOf(from, length);
    }

    private synchronized boolean isThere(LocalCopy copy) {
        return !copy.isDropped();
    }

    /** Adds a piece of a file to its copy, where there is room for it. */
    synchronized void put(LocalCopy copy, long from, byte[] bytes, int offset, int length) {
        if (copy.isDropped()) {
            return;
        }
        makeRoom(copy, length);
        if (keptBytes + length > limitBytes) {
            drop(copy);
            return;
        }
        long before = copy.keptBytes();
        try (RandomAccessFile file = new RandomAccessFile(copy.path.toFile(), "rw")) {
            copy.put(file, from, bytes, offset, length);
            keptBytes += copy.keptBytes() - before;
        } catch (IOException e) {
            LOG.warn("A snapshot file could not be copied to the local disk: {}.", copy.key, e);
            keptBytes += copy.keptBytes() - before;
            drop(copy);
        }
    }

    private void makeRoom(LocalCopy copy, int length) {
        Iterator<LocalCopy> oldest = new ArrayList<>(copies.values()).iterator();
        while (keptBytes + length > limitBytes && oldest.hasNext()) {
            LocalCopy other = oldest.next();
            if (other != copy) {
                drop(other);
            }
        }
    }

    /** Its file is deleted; who has it open, reads on. */
    synchronized void drop(LocalCopy copy) {
        if (copy.isDropped()) {
            return;
        }
        keptBytes -= copy.keptBytes();
        copy.drop();
        copies.remove(copy.key);
        try {
            boolean unused = Files.deleteIfExists(copy.path);
        } catch (IOException e) {
            LOG.warn("A local copy could not be deleted: {}.", copy.path, e);
        }
    }

    /** The files with what is kept, to look at. */
    synchronized List<Path> paths() {
        return copies.values().stream().map(copy -> copy.path).toList();
    }

    /** Drops all copies. The next one that is made begins anew. */
    @Override
    public synchronized void close() {
        List.copyOf(copies.values()).forEach(this::drop);
        SpillFolder in = folder;
        folder = null;
        if (in != null) {
            try {
                in.close();
            } catch (IOException e) {
                LOG.warn("The folder of local copies could not be deleted: {}.", in.path(), e);
            }
        }
    }
}
