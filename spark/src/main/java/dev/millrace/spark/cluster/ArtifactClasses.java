package dev.millrace.spark.cluster;

import dev.millrace.spark.cluster.SessionArtifacts.Artifact;
import java.io.File;
import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.SparkFiles;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.apache.spark.executor.ExecutorClassLoader;
import org.apache.spark.util.MutableURLClassLoader;
import org.apache.spark.util.Utils;

/**
 * The class loaders of a worker's process, with what users have added since its task started. It does what an executor
 * does before each task ({@code Executor.updateDependencies}): jars of the application go to the loader that all tasks
 * have; a session with artifacts of its own has a loader of its own before that, and its files in a folder of their own.
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
            if (artifacts.session().isEmpty()) {
                bring(artifacts, files, ofApplication(), ofApplication);
                return ofTask;
            }
            Own own = sessions.computeIfAbsent(artifacts.session(), absent -> own(artifacts));
            File folder = new File(files, artifacts.session());
            Files.createDirectories(folder.toPath());
            bring(artifacts, folder, own.jars(), own.brought());
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
            SessionArtifacts artifacts, File folder, MutableURLClassLoader loader, Set<Artifact> brought)
            throws IOException {
        for (Artifact artifact : artifacts.artifacts()) {
            if (!brought.contains(artifact)) {
                bring(artifact, folder, loader);
                brought.add(artifact);
            }
        }
    }

    private static void bring(Artifact artifact, File folder, MutableURLClassLoader loader)
            throws MalformedURLException {
        SparkConf conf = SparkEnv.get().conf();
        Configuration configuration = SparkHadoopUtil.get().newConfiguration(conf);
        File unused =
                Utils.fetchFile(artifact.address(), folder, conf, configuration, artifact.timestamp(), true, false);
        if (artifact.isJar()) {
            String path = URI.create(artifact.address()).getPath();
            URL jar = new File(folder, path.substring(path.lastIndexOf('/') + 1))
                    .toURI()
                    .toURL();
            if (!Arrays.asList(loader.getURLs()).contains(jar)) {
                loader.addURL(jar);
            }
        }
    }
}
