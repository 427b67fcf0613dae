package dev.millrace.examples.docs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** One page of documentation: its text, and what of it a machine can check. */
record Page(Path file, List<String> lines) {
    static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

    private static final String FENCE = "```";
    private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");
    private static final Pattern HEADING = Pattern.compile("#+ (.*)");

    /** A fenced block; {@code mark} is the line of text right before it. */
    record Block(String page, int line, String language, String text, String mark) {
        private static final Pattern NOT_RUN = Pattern.compile("\\*Not run: (.*)\\.\\*");
        private static final Pattern RUN_BY = Pattern.compile("\\*Run by `(\\w+)`\\.\\*");

        /** Why it is not run, where the page says that it is not; else an empty text. */
        String notRun() {
            Matcher matcher = NOT_RUN.matcher(mark);
            return matcher.matches() ? matcher.group(1) : "";
        }

        /** The test that runs it, where the page names one; else an empty text. */
        String runBy() {
            Matcher matcher = RUN_BY.matcher(mark);
            return matcher.matches() ? matcher.group(1) : "";
        }

        boolean isRunHere() {
            return notRun().isEmpty() && runBy().isEmpty();
        }

        @Override
        public String toString() {
            return page + ":" + line;
        }
    }

    /** The README and all pages of {@code docs/}. */
    static List<Page> all() throws IOException {
        List<Page> pages = new ArrayList<>(List.of(read(ROOT.resolve("README.md"))));
        pages.addAll(docs());
        return pages;
    }

    static List<Page> docs() throws IOException {
        List<Page> pages = new ArrayList<>();
        try (Stream<Path> files = Files.list(ROOT.resolve("docs"))) {
            for (Path file : files.filter(name -> name.toString().endsWith(".md"))
                    .sorted()
                    .toList()) {
                pages.add(read(file));
            }
        }
        return pages;
    }

    static List<Block> blocks(String language) throws IOException {
        return all().stream()
                .flatMap(page -> page.blocks().stream())
                .filter(block -> block.language().equals(language))
                .toList();
    }

    static Page read(Path file) throws IOException {
        return new Page(file, Files.readAllLines(file));
    }

    String name() {
        return file.getFileName().toString();
    }

    String text() {
        return String.join("\n", lines);
    }

    List<Block> blocks() {
        List<Block> blocks = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            if (lines.get(i).startsWith(FENCE)) {
                int end = i + 1;
                while (!lines.get(end).equals(FENCE)) {
                    end++;
                }
                String language = lines.get(i).substring(FENCE.length());
                String mark = i == 0 ? "" : lines.get(i - 1);
                blocks.add(new Block(name(), i + 1, language, String.join("\n", lines.subList(i + 1, end)), mark));
                i = end;
            }
        }
        return blocks;
    }

    /** Where its links within the repository lead. */
    List<String> links() {
        return LINK.matcher(text())
                .results()
                .map(link -> link.group(1))
                .filter(link -> !link.startsWith("http"))
                .toList();
    }

    /** Its headings as links name them. */
    List<String> anchors() {
        return lines.stream()
                .map(HEADING::matcher)
                .filter(Matcher::matches)
                .map(heading -> heading.group(1)
                        .toLowerCase(Locale.ROOT)
                        .replaceAll("[^\\p{L}\\p{N} _-]", "")
                        .replace(' ', '-'))
                .toList();
    }
}
