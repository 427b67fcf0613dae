package dev.millrace.examples.docs;

import dev.millrace.examples.docs.Page.Block;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * The Java of the pages, compiled. A block that declares a public class is a file; else it is statements, which see
 * {@code spark} and the streams {@code payments} and {@code logins}.
 */
final class Snippets {
    private static final Pattern CLASS = Pattern.compile("public final class (\\w+)");
    private static final String FRAME =
            """
            import static org.apache.spark.sql.functions.*;
            import java.util.*;
            import org.apache.spark.sql.*;
            import org.apache.spark.sql.streaming.*;
            public final class %s {
                public static void run(SparkSession spark, Dataset<Row> payments, Dataset<Row> logins) throws Exception {
            %s
                }
            }
            """;

    private final Path folder;
    private final Map<String, String> places;
    private final List<Block> blocks = new ArrayList<>();

    /** Compiles into a folder; what stands for places in the pages is replaced. */
    Snippets(Path folder, Map<String, String> places) {
        this.folder = folder;
        this.places = places;
    }

    /** Runs a snippet, in whatever way it starts. */
    interface Runner {
        void run(SparkSession spark, Dataset<Row> payments, Dataset<Row> logins) throws Exception;
    }

    void add(Block block) {
        blocks.add(block);
    }

    /** Compiles all. Errors: IllegalStateException with what the compiler says, and of which block. */
    void compile() throws IOException {
        List<String> arguments = new ArrayList<>(List.of(
                "-proc:none", "-nowarn", "-d", folder.toString(), "-cp", System.getProperty("java.class.path")));
        for (Block block : blocks) {
            Path file = folder.resolve(name(block) + ".java");
            Files.writeString(file, source(block));
            arguments.add(file.toString());
        }
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        java.io.ByteArrayOutputStream said = new java.io.ByteArrayOutputStream();
        if (compiler.run(null, said, said, arguments.toArray(String[]::new)) != 0) {
            throw new IllegalStateException(
                    "Cannot compile snippets:\n" + said.toString(java.nio.charset.StandardCharsets.UTF_8));
        }
    }

    /** What a block does, to be called once all are compiled. */
    Runner runner(Block block) throws ReflectiveOperationException, IOException {
        URLClassLoader loader = new URLClassLoader(
                new URL[] {folder.toUri().toURL()}, getClass().getClassLoader());
        Class<?> type = loader.loadClass(name(block));
        if (isFile(block)) {
            var main = type.getMethod("main", String[].class);
            return (spark, payments, logins) -> main.invoke(null, (Object) new String[0]);
        }
        var run = type.getMethod("run", SparkSession.class, Dataset.class, Dataset.class);
        return (spark, payments, logins) -> run.invoke(null, spark, payments, logins);
    }

    private String source(Block block) {
        String text = block.text();
        for (Map.Entry<String, String> place : places.entrySet()) {
            text = text.replace(place.getKey(), place.getValue());
        }
        return isFile(block) ? text : FRAME.formatted(name(block), text);
    }

    private static boolean isFile(Block block) {
        return CLASS.matcher(block.text()).find();
    }

    /** A class name that says which block it is. */
    private static String name(Block block) {
        Matcher declared = CLASS.matcher(block.text());
        return declared.find() ? declared.group(1) : block.page().replaceAll("\\W", "_") + "_" + block.line();
    }
}
