package dev.millrace.spark.standalone;

import static org.awaitility.Awaitility.await;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A Spark standalone master and its workers in processes of their own, which run the executors of an application in
 * further ones. All listen at ports that are free; on loopback, unless they are given hosts.
 *
 * <p>Lifetime: {@link #close}, or the end of this process, ends them all.
 */
public final class StandaloneCluster implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Pattern MASTER_URL = Pattern.compile("Starting Spark master at (spark://\\S+)");
    private static final String LOOPBACK = "127.0.0.1";

    /** Spark starts no executor with less than 450 MB. */
    private static final int EXECUTOR_MEGABYTES = 512;

    /**
     * Where a process listens.
     *
     * @param within the words before the command that put a process there; none on this machine itself
     */
    public record Host(String address, List<String> within) {
        static final Host THIS = new Host(LOOPBACK, List.of());
    }

    private final Path folder;
    private final Host masterHost;
    private final List<Process> workers = new ArrayList<>();
    private final List<Process> processes = new ArrayList<>();
    private final Thread atExit = new Thread(this::endProcesses, "end of a standalone cluster");
    private String master = "";
    private final int executorCount;
    private final int coresEach;
    private final String applicationClassPath;

    private StandaloneCluster(Path folder, Host masterHost, int executorCount, int coresEach) throws IOException {
        this.folder = folder;
        this.masterHost = masterHost;
        this.executorCount = executorCount;
        this.coresEach = coresEach;
        this.applicationClassPath = linkJars();
        Runtime.getRuntime().addShutdownHook(atExit);
    }

    /**
     * Starts one with room for so many executors.
     *
     * @param folder where the processes write, their logs among it; emptied by nobody
     * @param settings Spark's settings of the master and the worker
     */
    public static StandaloneCluster start(Path folder, int executorCount, int coresEach, Map<String, String> settings)
            throws IOException {
        StandaloneCluster cluster = new StandaloneCluster(within(folder), Host.THIS, executorCount, coresEach);
        cluster.master = cluster.startMaster(settings);
        cluster.startWorker(Host.THIS, executorCount, settings);
        return cluster;
    }

    /**
     * Starts one with room for an executor on each of the hosts.
     *
     * @param masterHost where the master is, and applications' drivers are
     */
    public static StandaloneCluster start(Path folder, Host masterHost, List<Host> hosts, int coresEach)
            throws IOException {
        StandaloneCluster cluster = new StandaloneCluster(within(folder), masterHost, hosts.size(), coresEach);
        cluster.master = cluster.startMaster(Map.of());
        for (Host host : hosts) {
            cluster.startWorker(host, 1, Map.of());
        }
        return cluster;
    }

    private static Path within(Path folder) throws IOException {
        Files.createDirectories(folder);
        return Files.createTempDirectory(folder, "standalone-").toAbsolutePath();
    }

    public String master() {
        return master;
    }

    /** Spark's home, which its scripts and launchers look into. */
    public Path home() {
        return folder.resolve("home");
    }

    /** What an application needs to run on all executors, with the class path of this process. */
    public Map<String, String> settings() {
        Map<String, String> settings = new LinkedHashMap<>(resources());
        settings.put("spark.executor.extraClassPath", applicationClassPath);
        return settings;
    }

    /** The same for an application that brings its own jars. */
    public Map<String, String> resources() {
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put("spark.driver.host", masterHost.address());
        settings.put("spark.driver.bindAddress", masterHost.address());
        settings.put("spark.executor.cores", Integer.toString(coresEach));
        settings.put("spark.executor.memory", EXECUTOR_MEGABYTES + "m");
        settings.put("spark.cores.max", Integer.toString(executorCount * coresEach));
        return settings;
    }

    /** Links what Spark ships into the place where its processes look for it; gives the rest of the class path. */
    private String linkJars() throws IOException {
        Path jars = Files.createDirectories(home().resolve("jars"));
        List<String> rest = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            Path path = Path.of(entry).toAbsolutePath();
            if (Files.isRegularFile(path) && !path.getFileName().toString().startsWith("millrace-")) {
                Path link = jars.resolve(path.getFileName().toString());
                if (!Files.exists(link)) {
                    Path unused = Files.createSymbolicLink(link, path);
                }
            } else if (Files.exists(path)) {
                rest.add(path.toString());
            }
        }
        return String.join(File.pathSeparator, rest);
    }

    private String startMaster(Map<String, String> settings) throws IOException {
        Path log = start(
                "master",
                masterHost,
                settings,
                List.of("--host", masterHost.address(), "--port", "0", "--webui-port", "0"));
        return awaitLine(log, MASTER_URL).group(1);
    }

    private void startWorker(Host host, int executors, Map<String, String> settings) throws IOException {
        Path log = start(
                "worker",
                host,
                settings,
                List.of(
                        "--host",
                        host.address(),
                        "--port",
                        "0",
                        "--webui-port",
                        "0",
                        "--cores",
                        Integer.toString(executors * coresEach),
                        "--memory",
                        executors * EXECUTOR_MEGABYTES + "m",
                        "--work-dir",
                        folder.resolve("work").toString(),
                        master));
        workers.add(processes.get(processes.size() - 1));
        Matcher unused = awaitLine(log, Pattern.compile("Successfully registered with master"));
    }

    private Path start(String role, Host host, Map<String, String> settings, List<String> arguments)
            throws IOException {
        List<String> words = new ArrayList<>(host.within());
        words.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        words.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(option -> option.startsWith("--add-opens") || option.startsWith("-XX:+Ignore"))
                .toList());
        settings.forEach((key, value) -> words.add("-D" + key + "=" + value));
        words.addAll(List.of("-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", home().resolve("jars") + "/*"));
        words.add("org.apache.spark.deploy." + role + "." + role.substring(0, 1).toUpperCase(java.util.Locale.ROOT)
                + role.substring(1));
        words.addAll(arguments);
        Path log = folder.resolve("%s-%d.log".formatted(role, processes.size()));
        ProcessBuilder builder =
                new ProcessBuilder(words).redirectErrorStream(true).redirectOutput(log.toFile());
        builder.environment().put("SPARK_HOME", home().toString());
        builder.environment().put("SPARK_SCALA_VERSION", "2.13");
        builder.environment().put("SPARK_LOCAL_IP", host.address());
        // Else Spark asks for the name of that address, for which a host without a name server waits many seconds.
        builder.environment().put("SPARK_LOCAL_HOSTNAME", host.address());
        processes.add(builder.start());
        return log;
    }

    /** The processes of the executors that run or stand frozen now, the oldest first. */
    public List<Long> executors() {
        return workers.stream()
                .flatMap(Process::children)
                .filter(child -> child.info().command().orElse("").endsWith("java"))
                .sorted(Comparator.comparing((ProcessHandle child) ->
                                child.info().startInstant().orElse(Instant.MAX))
                        .thenComparing(ProcessHandle::pid))
                .map(ProcessHandle::pid)
                .toList();
    }

    private static Matcher awaitLine(Path log, Pattern pattern) {
        return await().atMost(PATIENCE)
                .pollInterval(Duration.ofMillis(50))
                .until(() -> pattern.matcher(Files.readString(log)), Matcher::find);
    }

    /** Ends an executor as {@code kill -9} does. */
    public static void kill(long executorPid) {
        signal("KILL", executorPid);
    }

    /** Stops an executor in its tracks until {@link #resume}. */
    public static void freeze(long executorPid) {
        signal("STOP", executorPid);
    }

    public static void resume(long executorPid) {
        signal("CONT", executorPid);
    }

    private static void signal(String name, long pid) {
        try {
            int code = new ProcessBuilder("kill", "-" + name, Long.toString(pid))
                    .inheritIO()
                    .start()
                    .waitFor();
            if (code != 0) {
                throw new IllegalStateException("kill -%s %d gave %d".formatted(name, pid, code));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private void endProcesses() {
        List<ProcessHandle> all = new ArrayList<>();
        for (Process process : processes) {
            all.addAll(process.descendants().toList());
            all.add(process.toHandle());
        }
        all.forEach(ProcessHandle::destroyForcibly);
    }

    @Override
    public void close() {
        endProcesses();
        try {
            for (Process process : processes) {
                boolean unused = process.waitFor(10, TimeUnit.SECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        boolean unused = Runtime.getRuntime().removeShutdownHook(atExit);
    }
}
