package dev.millrace.spark.ui;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.awaitility.core.ConditionTimeoutException;

/**
 * A headless Chromium that is steered by its own DevTools protocol, so that it needs nothing but the browser: the one
 * that {@code MILLRACE_CHROMIUM} names, or the first on the path.
 *
 * <p>Thread: one.
 */
final class Browser implements AutoCloseable {
    private static final List<String> NAMES = List.of("chromium", "chromium-browser", "google-chrome");
    private static final String LISTENING = "DevTools listening on ";
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Process process;
    private final Path profile;
    private final WebSocket socket;
    private final String session;
    private final AtomicInteger lastId = new AtomicInteger();
    private final Map<Integer, CompletableFuture<JsonNode>> answers = new ConcurrentHashMap<>();
    private final List<String> complaints = new CopyOnWriteArrayList<>();

    private Browser(Process process, Path profile, String address) {
        this.process = process;
        this.profile = profile;
        this.socket = HttpClient.newHttpClient()
                .newWebSocketBuilder()
                .buildAsync(URI.create(address), new Messages())
                .join();
        String target = call("Target.createTarget", Map.of("url", "about:blank"), "")
                .get("targetId")
                .asText();
        session = call("Target.attachToTarget", Map.of("targetId", target, "flatten", true), "")
                .get("sessionId")
                .asText();
        call("Page.enable", Map.of());
        call("Runtime.enable", Map.of());
        call("Log.enable", Map.of());
    }

    /** The browser of this machine, if it has one. */
    static Optional<Path> find() {
        String named = System.getenv("MILLRACE_CHROMIUM");
        if (named != null) {
            return Optional.of(Path.of(named));
        }
        return Stream.of(System.getenv("PATH").split(File.pathSeparator))
                .flatMap(folder -> NAMES.stream().map(name -> Path.of(folder, name)))
                .filter(Files::isExecutable)
                .findFirst();
    }

    static Browser start(Path program) throws IOException {
        Path profile = Files.createTempDirectory("millrace-browser");
        Process process = new ProcessBuilder(
                        program.toString(),
                        "--headless=new",
                        "--no-sandbox",
                        "--disable-gpu",
                        "--disable-dev-shm-usage",
                        "--hide-scrollbars",
                        "--no-first-run",
                        // It has one page to show, and nobody outside to ask.
                        "--disable-background-networking",
                        "--disable-component-update",
                        "--disable-sync",
                        "--no-proxy-server",
                        "--remote-debugging-address=127.0.0.1",
                        "--remote-debugging-port=0",
                        "--user-data-dir=" + profile,
                        "about:blank")
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        List<String> said = new ArrayList<>();
        BufferedReader errors = process.errorReader(StandardCharsets.UTF_8);
        for (String line = errors.readLine(); line != null; line = errors.readLine()) {
            said.add(line);
            if (line.startsWith(LISTENING)) {
                Thread drain = new Thread(() -> errors.lines().forEach(unused -> {}), "browser-errors");
                drain.setDaemon(true);
                drain.start();
                return new Browser(process, profile, line.substring(LISTENING.length()));
            }
        }
        throw new IOException("The browser ended: " + said);
    }

    /** Errors and warnings that pages wrote to the console, or that were thrown in them. */
    List<String> complaints() {
        return complaints;
    }

    /** Opens a page in a window of that size. */
    void open(String address, int width, int height, boolean dark) {
        call(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", false));
        call(
                "Emulation.setEmulatedMedia",
                Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", dark ? "dark" : "light"))));
        call("Page.navigate", Map.of("url", address));
    }

    /** What an expression gives. */
    JsonNode evaluate(String expression) {
        JsonNode result = call("Runtime.evaluate", Map.of("expression", expression, "returnByValue", true));
        if (result.has("exceptionDetails")) {
            throw new IllegalStateException(
                    expression + ": " + result.get("exceptionDetails").toString());
        }
        return result.get("result").path("value");
    }

    /** The text of an element, shown or not; empty while there is none. */
    String text(String selector) {
        return evaluate("document.querySelector(%s)?.textContent ?? ''".formatted(quoted(selector)))
                .asText();
    }

    /** Waits until an expression holds. Errors: AssertionError with what the page shows instead. */
    void await(String expression) {
        try {
            org.awaitility.Awaitility.await().atMost(PATIENCE).until(() -> evaluate("Boolean(" + expression + ")")
                    .asBoolean());
        } catch (ConditionTimeoutException e) {
            String shown = evaluate("[location.href, document.readyState, 'hidden ' + document.hidden,"
                            + " document.body?.innerText].join('\\n')")
                    .asText();
            throw new AssertionError(
                    "Not so in %s: %s. Complaints: %s. The page:%n%s"
                            .formatted(PATIENCE, expression, complaints, shown),
                    e);
        }
    }

    void press(String key) {
        for (String type : List.of("keyDown", "keyUp")) {
            call(
                    "Input.dispatchKeyEvent",
                    key.equals("Enter")
                            ? Map.of("type", type, "key", key, "code", key, "windowsVirtualKeyCode", 13, "text", "\r")
                            : Map.of("type", type, "key", key, "code", key, "windowsVirtualKeyCode", 9));
        }
    }

    /** The whole page, or as much of it as is given. */
    void screenshot(Path file, int mostHeight) throws IOException {
        int width = evaluate("document.documentElement.clientWidth").asInt();
        int height = Math.min(
                mostHeight, evaluate("document.documentElement.scrollHeight").asInt());
        JsonNode image = call(
                "Page.captureScreenshot",
                Map.of(
                        "format",
                        "png",
                        "captureBeyondViewport",
                        true,
                        "clip",
                        Map.of("x", 0, "y", 0, "width", width, "height", height, "scale", 1)));
        Files.write(file, Base64.getDecoder().decode(image.get("data").asText()));
    }

    static String quoted(String text) {
        return JSON.valueToTree(text).toString();
    }

    private JsonNode call(String method, Map<String, ?> parameters) {
        return call(method, parameters, session);
    }

    private JsonNode call(String method, Map<String, ?> parameters, String inSession) {
        ObjectNode message = JSON.createObjectNode();
        int id = lastId.incrementAndGet();
        message.put("id", id).put("method", method).set("params", JSON.valueToTree(parameters));
        if (!inSession.isEmpty()) {
            message.put("sessionId", inSession);
        }
        CompletableFuture<JsonNode> answer = new CompletableFuture<>();
        answers.put(id, answer);
        socket.sendText(message.toString(), true).join();
        JsonNode whole =
                answer.orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS).join();
        if (whole.has("error")) {
            throw new IllegalStateException(method + ": " + whole.get("error"));
        }
        return whole.get("result");
    }

    @Override
    public void close() throws IOException {
        call("Browser.close", Map.of(), "");
        try {
            if (!process.waitFor(5, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        // Its helpers may write for a moment longer.
        org.awaitility.Awaitility.await().ignoreExceptions().atMost(PATIENCE).until(() -> {
            if (Files.exists(profile)) {
                try (Stream<Path> files = Files.walk(profile)) {
                    files.sorted(java.util.Comparator.reverseOrder())
                            .map(Path::toFile)
                            .forEach(File::delete);
                }
            }
            return !Files.exists(profile);
        });
    }

    /** Takes what the browser says. */
    private final class Messages implements WebSocket.Listener {
        private final StringBuilder parts = new StringBuilder();

        @Override
        public CompletionStage<?> onText(WebSocket from, CharSequence data, boolean last) {
            parts.append(data);
            if (last) {
                String whole = parts.toString();
                parts.setLength(0);
                take(whole);
            }
            from.request(1);
            return null;
        }

        private void take(String text) {
            try {
                JsonNode message = JSON.readTree(text);
                if (message.has("id")) {
                    answers.remove(message.get("id").asInt()).complete(message);
                } else if (isComplaint(message)) {
                    complaints.add(text);
                }
            } catch (IOException e) {
                complaints.add(e.toString());
            }
        }

        private boolean isComplaint(JsonNode message) {
            return switch (message.path("method").asText()) {
                case "Runtime.exceptionThrown" -> true;
                case "Runtime.consoleAPICalled" ->
                    message.path("params").path("type").asText().matches("error|warning|assert");
                case "Log.entryAdded" ->
                    message.path("params").path("entry").path("level").asText().equals("error");
                default -> false;
            };
        }
    }
}
