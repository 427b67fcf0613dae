package dev.millrace.bench.report;

/** What the pages have in common. */
final class Html {
    static final String STYLE =
            """
            body { font: 15px/1.5 system-ui, sans-serif; color: #1c1c1c; max-width: 1000px; margin: 2rem auto; padding: 0 1rem; }
            h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; border-top: 1px solid #ddd; padding-top: 1rem; }
            table { border-collapse: collapse; margin: .6rem 0; } td, th { padding: .25rem .7rem; text-align: right; border-bottom: 1px solid #e4e4e4; font-variant-numeric: tabular-nums; }
            th { font-weight: 600; } td:first-child, th:first-child { text-align: left; }
            .refused { color: #8a1c1c; } .note { color: #555; } dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; } dt { color: #555; } dd { margin: 0; }
            svg { width: 100%; max-width: 760px; font-size: 11px; fill: #333; } .grid { stroke: #e8e8e8; } .mark { stroke: #999; stroke-dasharray: 3 3; }
            @media (prefers-color-scheme: dark) { body { background: #16181b; color: #e6e6e6; } h2 { border-color: #333; } td, th { border-color: #33363b; } svg { fill: #ccc; } .grid { stroke: #2a2d31; } .note, dt { color: #aaa; } .refused { color: #ff9c9c; } }
            """;

    private Html() {}

    static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}
