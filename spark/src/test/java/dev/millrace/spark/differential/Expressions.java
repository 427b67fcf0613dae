package dev.millrace.spark.differential;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Random expressions over columns of known kinds, whose values depend on nothing but their row. */
final class Expressions {
    /** An expression and what it gives. */
    record Typed(String text, Kind kind) {}

    private Expressions() {}

    static String condition(Draw draw, Map<String, Kind> columns) {
        String c = draw.oneOf(List.copyOf(columns.keySet()));
        String simple =
                switch (columns.get(c)) {
                    case LONG -> draw.oneOf(c + " > 100", c + " is not null", "coalesce(" + c + ", 0) % 3 <> 1");
                    case INT -> draw.oneOf(c + " in (-1, 0, 2)", c + " < 2", "not (" + c + " > 0)");
                    case DOUBLE -> draw.oneOf(c + " < 5", "isnan(" + c + ") or " + c + " > 1", c + " = 0");
                    case DECIMAL -> draw.oneOf(c + " > 40.5", "round(" + c + ", 1) <> 3.1");
                    case TEXT -> draw.oneOf(c + " like '%1%'", "length(" + c + ") > 0", c + " rlike '[3-9]$'");
                    case FLAG -> draw.oneOf(c, "not " + c, c + " is null");
                    case DAY -> draw.oneOf("dayofmonth(" + c + ") > 23", c + " < date'2024-02-27'");
                    case TIME -> draw.oneOf("second(" + c + ") % 2 = 0", c + " is not null");
                    case LIST -> draw.oneOf("size(" + c + ") > 1", "array_contains(" + c + ", 3)");
                    case WINDOW -> c + ".start is not null";
                };
        return draw.onceIn(5) ? "(" + simple + ") or " + c + " is null" : simple;
    }

    static Typed value(Draw draw, Map<String, Kind> columns) {
        String c = draw.oneOf(List.copyOf(columns.keySet()));
        return switch (columns.get(c)) {
            case LONG ->
                draw.oneOf(
                        new Typed(c + " * 2 + 1", Kind.LONG),
                        new Typed("if(" + c + " > 10, 'large', 'small')", Kind.TEXT),
                        new Typed("pmod(" + c + ", 5)", Kind.LONG),
                        new Typed("cast(" + c + " as double) / 4", Kind.DOUBLE));
            case INT ->
                draw.oneOf(new Typed("abs(" + c + ")", Kind.INT), new Typed("cast(" + c + " as bigint)", Kind.LONG));
            case DOUBLE ->
                draw.oneOf(new Typed("-" + c, Kind.DOUBLE), new Typed("coalesce(" + c + ", 1.5)", Kind.DOUBLE));
            case DECIMAL -> new Typed("cast(" + c + " as decimal(20, 3))", Kind.DECIMAL);
            case TEXT ->
                draw.oneOf(
                        new Typed("substring(" + c + ", 6, 1)", Kind.TEXT),
                        new Typed("concat(" + c + ", '-')", Kind.TEXT),
                        new Typed("case when " + c + " like '%2%' then upper(" + c + ") end", Kind.TEXT));
            case FLAG -> new Typed("not " + c, Kind.FLAG);
            case DAY ->
                draw.oneOf(new Typed("date_add(" + c + ", 3)", Kind.DAY), new Typed("dayofmonth(" + c + ")", Kind.INT));
            case TIME -> new Typed("minute(" + c + ")", Kind.INT);
            case LIST ->
                draw.oneOf(
                        new Typed("array_sort(" + c + ")", Kind.LIST),
                        new Typed("transform(" + c + ", x -> x + 1)", Kind.LIST),
                        new Typed("size(" + c + ")", Kind.INT));
            case WINDOW -> new Typed("unix_seconds(" + c + ".end)", Kind.LONG);
        };
    }

    /** An aggregate function, whose answer does not depend on the order of its rows. */
    static Typed function(Draw draw, Map<String, Kind> columns) {
        String c = draw.oneOf(List.copyOf(columns.keySet()));
        List<Typed> choices = new ArrayList<>();
        choices.add(new Typed("count(1)", Kind.LONG));
        choices.add(new Typed("count(" + c + ")", Kind.LONG));
        Kind kind = columns.get(c);
        if (kind != Kind.LIST) {
            choices.add(new Typed("max(" + c + ")", kind));
            choices.add(new Typed("min(" + c + ")", kind));
            choices.add(new Typed("size(collect_set(" + c + "))", Kind.INT));
        }
        switch (kind) {
            case LONG, INT -> {
                choices.add(new Typed("sum(" + c + ")", Kind.LONG));
                choices.add(new Typed("avg(" + c + ")", Kind.DOUBLE));
                choices.add(new Typed("sum(" + c + ") filter (where " + condition(draw, columns) + ")", Kind.LONG));
                choices.add(new Typed("sort_array(collect_list(cast(" + c + " as bigint)))", Kind.LIST));
                choices.add(new Typed("approx_count_distinct(" + c + ")", Kind.LONG));
                choices.add(new Typed("bit_xor(" + c + ")", kind));
                choices.add(new Typed("percentile_approx(" + c + ", 0.5)", kind));
            }
            case DECIMAL -> choices.add(new Typed("cast(sum(" + c + ") as decimal(20, 3))", Kind.DECIMAL));
            case FLAG -> choices.add(new Typed("bool_or(" + c + ")", Kind.FLAG));
            case TEXT -> choices.add(new Typed("concat_ws(',', sort_array(collect_list(" + c + ")))", Kind.TEXT));
            case LIST -> choices.add(new Typed("sum(size(" + c + "))", Kind.LONG));
            default -> choices.add(new Typed("count_if(" + c + " is null)", Kind.LONG));
        }
        return draw.oneOf(choices);
    }
}
