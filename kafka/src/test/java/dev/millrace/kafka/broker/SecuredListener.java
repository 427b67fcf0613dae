package dev.millrace.kafka.broker;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.jspecify.annotations.Nullable;

/**
 * A second port of a broker, behind TLS, where clients say who they are by SASL, with SCRAM-SHA-256 or PLAIN. There is one
 * user, whose password is the same for both.
 *
 * <p>Thread: one owner.
 */
public final class SecuredListener {
    public static final String USER = "ledger";
    public static final String PASSWORD = "correct horse";

    private static final String STORE_PASSWORD = "battery staple";
    private static final String NAME = "listener.name.secured.";
    private static final int ITERATIONS = 4096;

    private final Path keys;
    private final Path trust;
    private @Nullable String bootstrap;

    private SecuredListener(Path keys, Path trust) {
        this.keys = keys;
        this.trust = trust;
    }

    /** Makes the broker's key, and what clients trust it by, in a folder. */
    public static SecuredListener create(Path folder) throws IOException, InterruptedException {
        Path keys = folder.resolve("keys.p12");
        Path trust = folder.resolve("trust.p12");
        Path certificate = folder.resolve("broker.crt");
        keytool(
                keys,
                "-genkeypair -alias broker -keyalg EC -groupname secp256r1 -validity 2 -dname CN=localhost"
                        + " -ext SAN=ip:127.0.0.1,dns:localhost");
        keytool(keys, "-exportcert -alias broker -file " + certificate);
        keytool(trust, "-importcert -noprompt -alias broker -file " + certificate);
        return new SecuredListener(keys, trust);
    }

    private static void keytool(Path store, String arguments) throws IOException, InterruptedException {
        List<String> words = new java.util.ArrayList<>(List.of(
                System.getProperty("java.home") + File.separator + "bin" + File.separator + "keytool",
                "-keystore",
                store.toString(),
                "-storetype",
                "PKCS12",
                "-storepass",
                STORE_PASSWORD));
        words.addAll(List.of(arguments.split(" ")));
        int code = new ProcessBuilder(words)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start()
                .waitFor();
        if (code != 0) {
            throw new IOException("Cannot make keys: keytool %s gave %d".formatted(arguments, code));
        }
    }

    /** Adds the port to a broker's properties. */
    void addTo(Properties properties) {
        try {
            bootstrap = "127.0.0.1:" + KafkaBroker.freePort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        properties.merge("listeners", ",SECURED://" + bootstrap, (known, more) -> known + (String) more);
        properties.put("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL");
        properties.put(NAME + "ssl.keystore.location", keys.toString());
        properties.put(NAME + "ssl.keystore.type", "PKCS12");
        properties.put(NAME + "ssl.keystore.password", STORE_PASSWORD);
        properties.put(NAME + "ssl.key.password", STORE_PASSWORD);
        properties.put(NAME + "sasl.enabled.mechanisms", "SCRAM-SHA-256,PLAIN");
        properties.put(NAME + "scram-sha-256.sasl.jaas.config", login("scram.Scram", "") + ";");
        properties.put(
                NAME + "plain.sasl.jaas.config",
                login("plain.Plain", " user_%s=\"%s\"".formatted(USER, PASSWORD)) + ";");
    }

    /** Tells the broker's table of SCRAM credentials of the user. */
    public static void addUser(Admin admin) throws ExecutionException, InterruptedException {
        ScramCredentialInfo info = new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, ITERATIONS);
        admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion(USER, info, PASSWORD)))
                .all()
                .get();
    }

    /** What a client needs to be let in. */
    public Map<String, String> client(String mechanism, String password) {
        return Map.of(
                "bootstrap.servers",
                String.valueOf(bootstrap),
                "security.protocol",
                "SASL_SSL",
                "sasl.mechanism",
                mechanism,
                "sasl.jaas.config",
                login(
                                mechanism.equals("PLAIN") ? "plain.Plain" : "scram.Scram",
                                " username=\"%s\" password=\"%s\"".formatted(USER, password))
                        + ";",
                "ssl.truststore.location",
                trust.toString(),
                "ssl.truststore.type",
                "PKCS12",
                "ssl.truststore.password",
                STORE_PASSWORD);
    }

    private static String login(String module, String options) {
        return "org.apache.kafka.common.security.%sLoginModule required%s".formatted(module, options);
    }
}
