package dev.millrace.spark.standalone;

import dev.millrace.spark.standalone.StandaloneCluster.Host;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * Two network namespaces of Linux, each as a machine of its own with one address: a link of its own to this machine, and one to
 * the other, which alone can be slowed down or cut.
 *
 * <pre>
 *   this machine ──── left ══════ right ──── this machine
 *   .L.1          .L.2   ↑    .R.2        .R.1
 *                        what can be slowed down or cut
 * </pre>
 *
 * <p>Lifetime: {@link #close}, or the end of this process, takes them down. Addresses are of the range for tests
 * of networks, and follow from this process's id.
 */
public final class NetworkNamespaces implements AutoCloseable {
    /** A frame for it is taken by nobody. */
    private static final String NOBODY = "02:00:00:00:00:99";

    private final Space left;
    private final Space right;
    private final Thread atExit = new Thread(this::delete, "end of network namespaces");

    /** @param toPeer the link to the other space */
    private record Space(String name, String address, String gateway, String toHost, String fromHost, String toPeer) {
        static Space of(long pid, char side) {
            long number = (pid % 16_000) * 2 + (side == 'a' ? 0 : 1);
            String network = "198.%d.%d.".formatted(18 + number / 256 / 126, number / 256 % 126 * 2 + side - 'a');
            long last = number % 63 * 4;
            String name = "mr%d%c".formatted(pid, side);
            return new Space(name, network + (last + 2), network + (last + 1), name + "h", name + "o", name + "p");
        }
    }

    private NetworkNamespaces(long pid) {
        left = Space.of(pid, 'a');
        right = Space.of(pid, 'b');
        Runtime.getRuntime().addShutdownHook(atExit);
    }

    /** What this machine lacks for them, in words; empty where nothing. */
    public static Optional<String> missing() {
        String name = "mr%dt".formatted(ProcessHandle.current().pid());
        Optional<String> failure = failure("ip", "netns", "add", name);
        if (failure.isPresent()) {
            return Optional.of("network namespaces: " + failure.get());
        }
        Optional<String> links =
                failure("ip", "-n", name, "link", "add", name + "x", "type", "veth", "peer", "name", name + "y");
        run("ip", "netns", "del", name);
        return links.map(why -> "virtual links: " + why);
    }

    /** Makes them, with links that are fast and whole. */
    public static NetworkNamespaces create() {
        NetworkNamespaces made = new NetworkNamespaces(ProcessHandle.current().pid());
        try {
            made.connect();
        } catch (RuntimeException e) {
            made.close();
            throw e;
        }
        return made;
    }

    private void connect() {
        for (Space space : List.of(left, right)) {
            run("ip", "netns", "add", space.name());
            run(
                    "ip",
                    "link",
                    "add",
                    space.toHost(),
                    "netns",
                    space.name(),
                    "type",
                    "veth",
                    "peer",
                    "name",
                    space.fromHost());
            run("ip", "addr", "add", space.gateway() + "/30", "dev", space.fromHost());
            run("ip", "link", "set", space.fromHost(), "up");
            in(space, "link", "set", "lo", "up");
            in(space, "addr", "add", space.address() + "/30", "dev", space.toHost());
            in(space, "link", "set", space.toHost(), "up");
            in(space, "route", "add", "default", "via", space.gateway());
        }
        run(
                "ip",
                "link",
                "add",
                left.toPeer(),
                "netns",
                left.name(),
                "type",
                "veth",
                "peer",
                "name",
                right.toPeer(),
                "netns",
                right.name());
        for (Space space : List.of(left, right)) {
            in(space, "link", "set", space.toPeer(), "up");
            in(space, "route", "add", other(space).address() + "/32", "dev", space.toPeer(), "src", space.address());
        }
    }

    private Space other(Space space) {
        return space == left ? right : left;
    }

    /** What keeps a process in a space from reaching this machine, such as a firewall; empty where nothing does. */
    public Optional<String> unreachable() {
        try (ServerSocket socket = new ServerSocket(0, 2, InetAddress.getByName(here().address()))) {
            String connect = "exec 3<>/dev/tcp/%s/%d".formatted(here().address(), socket.getLocalPort());
            for (Space space : List.of(left, right)) {
                Optional<String> failure =
                        failure("ip", "netns", "exec", space.name(), "timeout", "5", "bash", "-c", connect);
                if (failure.isPresent()) {
                    return Optional.of("way from a network namespace to itself: " + failure.get());
                }
            }
            return Optional.empty();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** This machine, as both reach it. */
    public Host here() {
        return new Host(left.gateway(), List.of());
    }

    public List<Host> hosts() {
        return List.of(host(left), host(right));
    }

    private static Host host(Space space) {
        return new Host(space.address(), List.of("ip", "netns", "exec", space.name()));
    }

    /** Loses all that one sends to the other, without a word to either. */
    public void cut() {
        for (Space space : List.of(left, right)) {
            in(
                    space,
                    "neigh",
                    "replace",
                    other(space).address(),
                    "lladdr",
                    NOBODY,
                    "dev",
                    space.toPeer(),
                    "nud",
                    "permanent");
        }
    }

    public void heal() {
        for (Space space : List.of(left, right)) {
            in(space, "neigh", "del", other(space).address(), "dev", space.toPeer());
        }
    }

    /**
     * Puts a queue of the kernel's before what each sends to the other, such as {@code netem delay 20ms loss 2%}.
     *
     * @return why that cannot be done, in words; empty where it was
     */
    public Optional<String> queue(String... words) {
        for (Space space : List.of(left, right)) {
            List<String> command = new java.util.ArrayList<>(List.of(
                    "ip", "netns", "exec", space.name(), "tc", "qdisc", "replace", "dev", space.toPeer(), "root"));
            command.addAll(List.of(words));
            Optional<String> failure = failure(command.toArray(String[]::new));
            if (failure.isPresent()) {
                return Optional.of("tc %s: %s".formatted(words[0], failure.get()));
            }
        }
        return Optional.empty();
    }

    private static void in(Space space, String... words) {
        List<String> command = new java.util.ArrayList<>(List.of("ip", "-n", space.name()));
        command.addAll(List.of(words));
        run(command.toArray(String[]::new));
    }

    private static void run(String... command) {
        failure(command).ifPresent(why -> {
            throw new IllegalStateException("%s: %s".formatted(String.join(" ", command), why));
        });
    }

    /** What a command says when it fails; empty when it does not. */
    private static Optional<String> failure(String... command) {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            int code = process.waitFor();
            return code == 0 ? Optional.empty() : Optional.of(said.isEmpty() ? "exit code " + code : said);
        } catch (IOException e) {
            return Optional.of("no program " + command[0]);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** The links go with the namespaces. */
    private void delete() {
        for (Space space : List.of(left, right)) {
            Optional<String> unused = failure("ip", "netns", "del", space.name());
        }
    }

    @Override
    public void close() {
        delete();
        boolean unused = Runtime.getRuntime().removeShutdownHook(atExit);
    }
}
