package dev.millrace.spark.outside;

import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/** Jars that are on nobody's class path, built from a text. */
public final class BuiltJar {
    private BuiltJar() {}

    /**
     * Builds a jar with one class.
     *
     * @param folder empty, for the class and the jar
     * @param name the class's, without a package
     * @param source what is compiled
     */
    public static Path of(Path folder, String name, String source) throws IOException {
        JavaCompiler compiler = Objects.requireNonNull(ToolProvider.getSystemJavaCompiler(), "a JDK");
        JavaFileObject text =
                new SimpleJavaFileObject(URI.create("string:///" + name + ".java"), JavaFileObject.Kind.SOURCE) {
                    @Override
                    public CharSequence getCharContent(boolean ignoresErrors) {
                        return source;
                    }
                };
        List<String> options = List.of("-d", folder.toString(), "-cp", System.getProperty("java.class.path"));
        if (!compiler.getTask(null, null, null, options, null, List.of(text)).call()) {
            throw new IllegalArgumentException("Cannot compile: " + source);
        }
        Path jar = folder.resolve(name + ".jar");
        try (OutputStream file = Files.newOutputStream(jar);
                JarOutputStream entries = new JarOutputStream(file)) {
            entries.putNextEntry(new JarEntry(name + ".class"));
            long unused = Files.copy(folder.resolve(name + ".class"), entries);
        }
        return jar;
    }
}
