package dev.millrace.spark.cluster;

import dev.millrace.spark.cluster.SessionArtifacts.Artifact;
import dev.millrace.spark.cluster.SessionArtifacts.Kind;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.SparkFiles;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.apache.spark.executor.ExecutorClassLoader;
import org.apache.spark.network.util.JavaUtils;
import org.apache.spark.util.MutableURLClassLoader;
import org.apache.spark.util.Utils;

/**
 * The class loaders of a worker's process, with what users have added since its task started. It does what an executor
 * does before each task ({@code Executor.updateDependencies}): jars of the application go to the loader that all tasks
 * have; a session with artifacts of its own has a loader of its own before that, and its files and archives in a folder of
 * their own.
 *
 * <p>Thread: any. Bounds: as many sessions as an executor of Spark keeps.
 */
final class ArtifactClasses {
    private static final int MAX_SESSIONS = 100;

    private final ClassLoader ofTask;
    private final ReentrantLock lock = new ReentrantLock();
    private final Set<Artifact> ofApplication = new HashSet<>();

    private final Map<String, Own> sessions = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Own> eldest) {
            return size() > MAX_SESSIONS;
        }
    };

    /**
     * What a session has for itself.
     *
     * @param jars the loader that its jars go to
     * @param all that one, and the session's classes
     */
    private record Own(MutableURLClassLoader jars, ClassLoader all, Set<Artifact> brought) {}

    /** @param ofTask the loader that Spark gave the worker's task */
    ArtifactClasses(ClassLoader ofTask) {
        this.ofTask = ofTask;
    }

    /**
     * Brings what is not here yet, and gives the loader that sees it.
     *
     * <p>Errors: IOException and Spark's own, where something cannot be brought.
     */
    ClassLoader with(SessionArtifacts artifacts) throws IOException, InterruptedException {
        File files = new File(SparkFiles.getRootDirectory());
        lock.lockInterruptibly();
        try {
            if (!artifacts.ofApplication().isEmpty()) {
                bring(artifacts.ofApplication(), files, ofApplication(), ofApplication);
            }
            if (artifacts.session().isEmpty()) {
                return ofTask;
            }
            Own own = sessions.computeIfAbsent(artifacts.session(), absent -> own(artifacts));
            File folder = new File(files, artifacts.session());
            Files.createDirectories(folder.toPath());
            bring(artifacts.own(), folder, own.jars(), own.brought());
            return own.all();
        } finally {
            lock.unlock();
        }
    }

    /** The loader to which an executor adds the application's jars. */
    private MutableURLClassLoader ofApplication() {
        ClassLoader loader = ofTask;
        while (loader != null) {
            if (loader instanceof MutableURLClassLoader found) {
                return found;
            }
            loader = loader.getParent();
        }
        throw new IllegalStateException("Spark's executor has no loader that takes jars: " + ofTask);
    }

    private Own own(SessionArtifacts artifacts) {
        SparkConf conf = SparkEnv.get().conf();
        MutableURLClassLoader jars = new MutableURLClassLoader(new URL[0], ofTask);
        ClassLoader all = artifacts.classes().isEmpty()
                ? jars
                : new ExecutorClassLoader(
                        conf,
                        SparkEnv.get(),
                        artifacts.classes(),
                        jars,
                        conf.getBoolean("spark.executor.userClassPathFirst", false));
        return new Own(jars, all, new HashSet<>());
    }

    private static void bring(
            List<Artifact> artifacts, File folder, MutableURLClassLoader loader, Set<Artifact> brought)
            throws IOException, InterruptedException {
        for (Artifact artifact : artifacts) {
            if (!brought.contains(artifact)) {
                boolean isRenewed =
                        brought.stream().anyMatch(other -> other.address().equals(artifact.address()));
                bring(artifact, folder, loader, isRenewed);
                brought.add(artifact);
            }
        }
    }

    private static void bring(Artifact artifact, File folder, MutableURLClassLoader loader, boolean isRenewed)
            throws IOException, InterruptedException {
        SparkConf conf = SparkEnv.get().conf();
        Configuration configuration = SparkHadoopUtil.get().newConfiguration(conf);
        if (artifact.kind() == Kind.ARCHIVE) {
            unpack(artifact, folder, configuration, isRenewed);
            return;
        }
        File unused =
                Utils.fetchFile(artifact.address(), folder, conf, configuration, artifact.timestamp(), true, false);
        if (artifact.kind() == Kind.JAR) {
            String path = URI.create(artifact.address()).getPath();
            URL jar = new File(folder, path.substring(path.lastIndexOf('/') + 1))
                    .toURI()
                    .toURL();
            if (!Arrays.asList(loader.getURLs()).contains(jar)) {
                loader.addURL(jar);
            }
        }
    }

    /**
     * Unpacks an archive into the folder of its name, or of its address's fragment. What lies there already a task of Spark's
     * own has brought, whose executor may use it; only where an earlier one of the same address was brought from here it
     * is put in its place.
     */
    private static void unpack(Artifact archive, File folder, Configuration configuration, boolean isRenewed)
            throws IOException, InterruptedException {
        URI address = URI.create(archive.address());
        String plain = address.getFragment() == null
                ? archive.address()
                : archive.address().substring(0, archive.address().indexOf('#'));
        String path = address.getPath();
        String name = address.getFragment() == null ? path.substring(path.lastIndexOf('/') + 1) : address.getFragment();
        File place = new File(folder, name);
        if (place.exists() && !isRenewed) {
            return;
        }
        File scratch = Utils.createTempDir(folder.getPath(), "archive");
        try {
            File packed = Utils.fetchFile(
                    plain, scratch, SparkEnv.get().conf(), configuration, archive.timestamp(), true, false);
            File unpacked = new File(scratch, "unpacked");
            Utils.unpack(packed, unpacked);
            JavaUtils.deleteRecursively(place);
            Path unused = Files.move(unpacked.toPath(), place.toPath());
        } finally {
            JavaUtils.deleteRecursively(scratch);
        }
    }
}
