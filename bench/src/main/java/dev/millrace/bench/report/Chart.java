package dev.millrace.bench.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Lines over two axes as SVG, with a legend and marks.
 *
 * <p>Thread: one owner.
 */
final class Chart {
    private static final int WIDTH = 760;
    private static final int HEIGHT = 320;
    private static final int LEFT = 70;
    private static final int RIGHT = 190;
    private static final int TOP = 16;
    private static final int BOTTOM = 44;
    private static final List<String> COLORS =
            List.of("#1b6ca8", "#d1495b", "#2e933c", "#edae49", "#6a4c93", "#00798c", "#8d6a4f", "#555555");

    /** Where something is on an axis, and what is written there. */
    record Tick(double at, String text) {}

    record Point(double x, double y) {}

    private record Line(String title, String color, List<Point> points) {}

    private final String xTitle;
    private final String yTitle;
    private final List<Tick> xTicks;
    private final List<Line> lines = new ArrayList<>();
    private final List<Double> marks = new ArrayList<>();

    Chart(String xTitle, List<Tick> xTicks, String yTitle) {
        this.xTitle = xTitle;
        this.xTicks = xTicks;
        this.yTitle = yTitle;
    }

    static String color(int index) {
        return COLORS.get(index % COLORS.size());
    }

    /** Adds a line; {@code y} above 0, shown on a logarithmic axis. */
    void line(String title, int colorIndex, List<Point> points) {
        if (!points.isEmpty()) {
            lines.add(new Line(title, color(colorIndex), points));
        }
    }

    /** Adds a dashed line from top to bottom. */
    void mark(double x) {
        marks.add(x);
    }

    boolean isEmpty() {
        return lines.isEmpty();
    }

    String svg() {
        double low = lines.stream()
                .flatMap(line -> line.points().stream())
                .mapToDouble(Point::y)
                .min()
                .orElse(1);
        double high = lines.stream()
                .flatMap(line -> line.points().stream())
                .mapToDouble(Point::y)
                .max()
                .orElse(10);
        double bottom = Math.floor(Math.log10(Math.max(low, 1e-3)));
        double top = Math.max(bottom + 1, Math.ceil(Math.log10(Math.max(high, 1e-3))));
        double from = xTicks.get(0).at();
        double to = xTicks.get(xTicks.size() - 1).at();
        StringBuilder svg = new StringBuilder("<svg viewBox=\"0 0 %d %d\" role=\"img\">".formatted(WIDTH, HEIGHT));
        for (double decade = bottom; decade <= top; decade++) {
            double y = y(decade, bottom, top);
            svg.append(rule(LEFT, y, WIDTH - RIGHT, y, "grid"));
            svg.append(text(LEFT - 8, y + 4, "end", number(Math.pow(10, decade))));
        }
        for (Tick tick : xTicks) {
            double x = x(tick.at(), from, to);
            svg.append(rule(x, TOP, x, HEIGHT - BOTTOM, "grid"));
            svg.append(text(x, HEIGHT - BOTTOM + 16, "middle", tick.text()));
        }
        for (double mark : marks) {
            double x = x(mark, from, to);
            svg.append(rule(x, TOP, x, HEIGHT - BOTTOM, "mark"));
        }
        for (int i = 0; i < lines.size(); i++) {
            Line line = lines.get(i);
            svg.append("<polyline fill=\"none\" stroke-width=\"1.8\" stroke=\"%s\" points=\"".formatted(line.color()));
            for (Point point : line.points()) {
                svg.append(String.format(
                        Locale.ROOT,
                        "%.1f,%.1f ",
                        x(Math.max(from, Math.min(to, point.x())), from, to),
                        y(Math.log10(Math.max(point.y(), 1e-3)), bottom, top)));
            }
            svg.append("\"/>");
            double y = TOP + 14 + 18.0 * i;
            svg.append("<line x1=\"%d\" y1=\"%s\" x2=\"%d\" y2=\"%s\" stroke=\"%s\" stroke-width=\"3\"/>"
                    .formatted(WIDTH - RIGHT + 14, y - 4, WIDTH - RIGHT + 34, y - 4, line.color()));
            svg.append(text(WIDTH - RIGHT + 40, y, "start", line.title()));
        }
        svg.append(text((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 8, "middle", xTitle));
        svg.append("<text class=\"axis\" transform=\"translate(14,%d) rotate(-90)\" text-anchor=\"middle\">%s</text>"
                .formatted((TOP + HEIGHT - BOTTOM) / 2, Html.escape(yTitle)));
        return svg.append("</svg>").toString();
    }

    private static double x(double value, double from, double to) {
        return LEFT + (WIDTH - RIGHT - LEFT) * (value - from) / (to - from);
    }

    private static double y(double logarithm, double bottom, double top) {
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (logarithm - bottom) / (top - bottom);
    }

    private static String rule(double x1, double y1, double x2, double y2, String kind) {
        return String.format(
                Locale.ROOT,
                "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>",
                kind,
                x1,
                y1,
                x2,
                y2);
    }

    private static String text(double x, double y, String anchor, String text) {
        return String.format(
                Locale.ROOT,
                "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>",
                x,
                y,
                anchor,
                Html.escape(text));
    }

    private static String number(double value) {
        return value >= 1 ? String.format(Locale.ROOT, "%,.0f", value) : String.valueOf(value);
    }
}
