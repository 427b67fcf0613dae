package dev.millrace.spark.source;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.util.Iterator;
import java.util.Map;

/**
 * Compares offsets by their JSON, the only thing that all of Spark's offsets have in common. An
 * offset is taken for a tree of counters that grow, which holds for Kafka's, the memory sources' and
 * plain numbers; what is no such tree compares as text.
 *
 * <p>Thread: any.
 */
public final class OffsetJson {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private OffsetJson() {}

    /** Whether every counter of {@code target} was reached by {@code position}. */
    public static boolean hasReached(String position, String target) {
        if (position.equals(target)) {
            return true;
        }
        JsonNode targetTree = parse(target);
        return isCounters(targetTree) && hasReached(parse(position), targetTree);
    }

    /** Whether one of the two has a counter that the other lacks. */
    static boolean hasOtherPartitions(String latest, String known) {
        JsonNode latestTree = parse(latest);
        JsonNode knownTree = parse(known);
        return isCounters(latestTree)
                && isCounters(knownTree)
                && (hasMore(latestTree, knownTree) || hasMore(knownTree, latestTree));
    }

    private static boolean hasReached(JsonNode position, JsonNode target) {
        if (target.isNumber()) {
            return position.isNumber() && position.asLong() >= target.asLong();
        }
        Iterator<Map.Entry<String, JsonNode>> fields = target.fields();
        while (fields.hasNext()) {
            Map.Entry<String, JsonNode> field = fields.next();
            if (!hasReached(position.path(field.getKey()), field.getValue())) {
                return false;
            }
        }
        return true;
    }

    private static boolean hasMore(JsonNode latest, JsonNode known) {
        if (latest.isNumber()) {
            return !known.isNumber();
        }
        Iterator<Map.Entry<String, JsonNode>> fields = latest.fields();
        while (fields.hasNext()) {
            Map.Entry<String, JsonNode> field = fields.next();
            if (hasMore(field.getValue(), known.path(field.getKey()))) {
                return true;
            }
        }
        return false;
    }

    private static boolean isCounters(JsonNode tree) {
        if (tree.isNumber()) {
            return true;
        }
        if (!tree.isObject()) {
            return false;
        }
        for (JsonNode child : tree) {
            if (!isCounters(child)) {
                return false;
            }
        }
        return true;
    }

    private static JsonNode parse(String json) {
        try {
            return MAPPER.readTree(json);
        } catch (JsonProcessingException e) {
            // An offset need not be JSON at all; then it only equals itself.
            return MissingNode.getInstance();
        }
    }
}
