package dev.millrace.spark.outside;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentSkipListMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.PositionedReadable;
import org.apache.hadoop.fs.Seekable;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;

/**
 * A file system like an object store's, in memory: names without folders, listed by prefix, objects that
 * appear whole when they are closed, a rename that copies and then deletes. Nothing is created exclusively: it looks
 * first, and what it writes then takes the place of what came in between. Springs the trap {@code store} before each
 * change, {@code rename into <folder>} between look and copy, {@code renamed into <folder>} behind the copy. One store
 * per process, under {@code objects://store/}.
 */
public final class ObjectStore extends FileSystem {
    private static final ConcurrentSkipListMap<String, byte[]> OBJECTS = new ConcurrentSkipListMap<>();
    private static final URI ROOT = URI.create("objects://store");

    /** Makes the scheme known. */
    public static void register(Configuration configuration) {
        configuration.set("fs.objects.impl", ObjectStore.class.getName());
    }

    @Override
    public URI getUri() {
        return ROOT;
    }

    private String key(Path path) {
        return makeQualified(path).toUri().getPath();
    }

    @Override
    public FSDataInputStream open(Path path, int bufferSize) throws IOException {
        byte[] bytes = OBJECTS.get(key(path));
        if (bytes == null) {
            throw new FileNotFoundException(path.toString());
        }
        return new FSDataInputStream(new ObjectInput(bytes));
    }

    @Override
    public FSDataOutputStream create(
            Path path,
            FsPermission permission,
            boolean overwrite,
            int bufferSize,
            short replication,
            long blockSize,
            Progressable progress)
            throws IOException {
        Traps.pass("store");
        String key = key(path);
        if (!overwrite && OBJECTS.containsKey(key)) {
            throw new FileAlreadyExistsException(key);
        }
        return new FSDataOutputStream(
                new ByteArrayOutputStream() {
                    @Override
                    public void close() throws IOException {
                        Traps.pass("store");
                        OBJECTS.put(key, toByteArray());
                    }
                },
                null);
    }

    @Override
    public FSDataOutputStream append(Path path, int bufferSize, Progressable progress) {
        throw new UnsupportedOperationException("objects cannot be appended to");
    }

    @Override
    public boolean rename(Path from, Path to) {
        Traps.pass("store");
        byte[] bytes = OBJECTS.get(key(from));
        if (bytes == null || OBJECTS.containsKey(key(to))) {
            return false;
        }
        String folder = to.getParent().getName();
        Traps.pass("rename into " + folder);
        OBJECTS.put(key(to), bytes);
        Traps.pass("renamed into " + folder);
        Traps.pass("store");
        OBJECTS.remove(key(from));
        return true;
    }

    @Override
    public boolean delete(Path path, boolean recursive) {
        Traps.pass("store");
        String key = key(path);
        boolean any = OBJECTS.remove(key) != null;
        if (recursive) {
            any |= OBJECTS.keySet().removeIf(name -> name.startsWith(key + "/"));
        }
        return any;
    }

    @Override
    public FileStatus[] listStatus(Path path) throws IOException {
        String prefix = key(path) + "/";
        List<FileStatus> found = new ArrayList<>();
        String lastFolder = "";
        for (String name : OBJECTS.tailMap(prefix).keySet()) {
            if (!name.startsWith(prefix)) {
                break;
            }
            String rest = name.substring(prefix.length());
            int slash = rest.indexOf('/');
            if (slash < 0 && !rest.isEmpty()) {
                found.add(getFileStatus(new Path(path, rest)));
            } else if (slash > 0 && !rest.substring(0, slash).equals(lastFolder)) {
                lastFolder = rest.substring(0, slash);
                found.add(folder(new Path(path, lastFolder)));
            }
        }
        if (found.isEmpty() && !OBJECTS.containsKey(prefix)) {
            throw new FileNotFoundException(path.toString());
        }
        return found.toArray(FileStatus[]::new);
    }

    @Override
    public void setWorkingDirectory(Path path) {}

    @Override
    public Path getWorkingDirectory() {
        return new Path(ROOT + "/");
    }

    /** Keeps an empty object as the sign of a folder, as clients of object stores do. */
    @Override
    public boolean mkdirs(Path path, FsPermission permission) {
        Traps.pass("store");
        OBJECTS.putIfAbsent(key(path) + "/", new byte[0]);
        return true;
    }

    @Override
    public FileStatus getFileStatus(Path path) throws IOException {
        String key = key(path);
        byte[] bytes = OBJECTS.get(key);
        if (bytes != null) {
            return new FileStatus(bytes.length, false, 1, 1, 0, makeQualified(path));
        }
        String next = OBJECTS.ceilingKey(key.endsWith("/") ? key : key + "/");
        if (next != null && next.startsWith(key)) {
            return folder(path);
        }
        throw new FileNotFoundException(path.toString());
    }

    private FileStatus folder(Path path) {
        return new FileStatus(0, true, 1, 1, 0, makeQualified(path));
    }

    /** Reads an object's bytes. */
    private static final class ObjectInput extends ByteArrayInputStream implements Seekable, PositionedReadable {
        ObjectInput(byte[] bytes) {
            super(bytes);
        }

        @Override
        public void seek(long position) throws IOException {
            if (position > count) {
                throw new EOFException();
            }
            pos = (int) position;
        }

        @Override
        public long getPos() {
            return pos;
        }

        @Override
        public boolean seekToNewSource(long position) {
            return false;
        }

        @Override
        public int read(long position, byte[] into, int offset, int length) {
            int available = (int) Math.min(length, count - position);
            if (available <= 0) {
                return -1;
            }
            System.arraycopy(buf, (int) position, into, offset, available);
            return available;
        }

        @Override
        public void readFully(long position, byte[] into, int offset, int length) throws IOException {
            if (read(position, into, offset, length) < length) {
                throw new EOFException();
            }
        }

        @Override
        public void readFully(long position, byte[] into) throws IOException {
            readFully(position, into, 0, into.length);
        }
    }
}
