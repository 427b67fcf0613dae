package dev.millrace.bench.chaos;

import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;

/**
 * The local disk, which takes no writes while a certain file exists: what a full quota or a read-only mount is to a
 * checkpoint, and works for every user, root included.
 *
 * <p>Thread: any.
 */
public final class BreakableFileSystem extends RawLocalFileSystem {
    static final String SCHEME = "breakable";

    /** The Hadoop setting that names the file. */
    static final String SIGN = "fs.breakable.sign";

    /** What every refused write says. */
    static final String BROKEN = "the storage takes no writes (chaos)";

    private Path sign = Path.of("");

    @Override
    public void initialize(URI name, Configuration configuration) throws IOException {
        super.initialize(name, configuration);
        sign = Path.of(configuration.get(SIGN, ""));
    }

    @Override
    public String getScheme() {
        return SCHEME;
    }

    @Override
    public URI getUri() {
        return URI.create(SCHEME + ":///");
    }

    @Override
    protected OutputStream createOutputStreamWithMode(
            org.apache.hadoop.fs.Path path, boolean append, FsPermission permission) throws IOException {
        check();
        return super.createOutputStreamWithMode(path, append, permission);
    }

    @Override
    public FSDataOutputStream append(org.apache.hadoop.fs.Path path, int bufferSize, Progressable progress)
            throws IOException {
        check();
        return super.append(path, bufferSize, progress);
    }

    @Override
    public boolean rename(org.apache.hadoop.fs.Path from, org.apache.hadoop.fs.Path to) throws IOException {
        check();
        return super.rename(from, to);
    }

    @Override
    public boolean delete(org.apache.hadoop.fs.Path path, boolean recursive) throws IOException {
        check();
        return super.delete(path, recursive);
    }

    @Override
    public boolean mkdirs(org.apache.hadoop.fs.Path path) throws IOException {
        check();
        return super.mkdirs(path);
    }

    @Override
    public boolean mkdirs(org.apache.hadoop.fs.Path path, FsPermission permission) throws IOException {
        check();
        return super.mkdirs(path, permission);
    }

    private void check() throws IOException {
        if (Files.exists(sign)) {
            throw new IOException(BROKEN);
        }
    }
}
